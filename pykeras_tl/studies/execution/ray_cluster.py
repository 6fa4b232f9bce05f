"""Trials on the machines of a Ray cluster.

The machines need not share a disk: results and saved states travel through the cluster to the
driver, which writes them into its own folders, whole or not at all. Ray starts a trial whose
machine died on another one, where it goes on from the last state that was saved.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from ...images.cluster import check_versions, connect, share_of_a_machine
from ...versions import package_versions
from .epoch_progress import UpdateProgress
from .gpu_memory import leave_gpu_memory
from .image_transfer import ReceivedImages, read_files, sees_files
from .mailbox import Mailbox
from .packed_folder import pack_folder, packable_files, unpack_folder
from .trial_task import TrialTask, forget_attempts, run_task

# Seconds between looks at the folder of checkpoints, and at the mailbox.
_INTERVAL = 1.0
# A trial whose machines die more often than this is given up.
_RETRIES = 10
_logger = logging.getLogger(__name__)


def run_on_cluster(
    tasks: Iterable[TrialTask],
    files: Mapping[str, int],
    address: str,
    jobs: int,
    report: Callable[[int, int, float], bool] | None = None,
    update_progress: UpdateProgress | None = None,
) -> Iterator[tuple[int, Exception | None]]:
    """Run trials on a cluster.

    Args:
        tasks: The trials. The next one is asked for when a machine is free for it.
        files: The images of all trials, as `image_files` returns them.
        address: `"auto"` for the cluster that this machine belongs to, `"ray://HOST:10001"`, or
            `"local"` for one of this machine alone.
        jobs: Trials at a time on each machine, which share its CPUs and GPUs evenly.
        report: Called after every epoch of a trial with the trial's index, the epoch and the
            validation accuracy; the trial ends when it returns True.
        update_progress: Called every second, and with the indices of the tasks that ended.

    Yields:
        The index of each task that ended, and its error or None.

    Raises:
        ImportError: If Ray is not installed.
        ConnectionError: If there is no cluster at the address.
    """
    run = _ClusterRun(connect(address), dict(files), jobs, report, update_progress)
    try:
        yield from run.results(tasks)
    finally:
        run.end()


class _ClusterRun:
    """Trials that are running on a cluster."""

    def __init__(
        self,
        ray: ModuleType,
        files: dict[str, int],
        jobs: int,
        report: Callable[[int, int, float], bool] | None,
        update_progress: UpdateProgress | None,
    ) -> None:
        self._ray, self._files, self._jobs, self._report = ray, files, jobs, report
        self._update_progress = update_progress
        self._shared_files = ray.put(files)
        self._mailbox = ray.remote(Mailbox).options(num_cpus=0, **_on_head(ray)).remote()
        self._tasks: list[TrialTask] = []
        self._running: dict[Any, int] = {}

    def results(self, tasks: Iterable[TrialTask]) -> Iterator[tuple[int, Exception | None]]:
        """Yield the index of each task that ended, and its error or None."""
        waiting, exhausted = iter(tasks), False
        while True:
            while not exhausted and len(self._running) < self._slots():
                task = next(waiting, None)
                exhausted = task is None
                if task is not None:
                    self._submit(task)
            if not self._running:
                return
            done, _ = self._ray.wait(list(self._running), timeout=_INTERVAL)
            self._read_news()
            if self._update_progress is not None:
                self._update_progress([self._running[reference] for reference in done])
            for reference in done:
                index = self._running.pop(reference)
                yield index, self._receive(reference, self._tasks[index])
                self._mailbox.forget.remote(index)

    def end(self) -> None:
        """Stop what is running, and leave nothing on the machines."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        remove = self._ray.remote(num_cpus=0)(_remove_copies)
        nodes = [node["NodeID"] for node in self._ray.nodes() if node["Alive"]]
        removals = [remove.options(**_on_node(node)).remote(self._files) for node in nodes]
        self._ray.wait(removals, num_returns=len(nodes), timeout=30)
        self._ray.kill(self._mailbox)

    def _slots(self) -> int:
        """How many trials have room, at least one: a machine may join later."""
        share = share_of_a_machine(self._ray, self._jobs)["num_cpus"]
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return max(1, sum(int(node.get("CPU", 0)) // share for node in nodes))

    def _submit(self, task: TrialTask) -> None:
        index = len(self._tasks)
        self._tasks.append(task)
        if packable_files(task.run_dir):
            state = pack_folder(task.run_dir)
            self._ray.get(self._mailbox.save.remote(index, state, new=False))
        options = share_of_a_machine(self._ray, self._jobs)
        attempt = self._ray.remote(**options, max_retries=_RETRIES, max_calls=1)(_attempt)
        reference = attempt.remote(
            index,
            replace(task, tables=dict(task.tables)),
            self._shared_files,
            self._mailbox,
            package_versions(),
            self._report is not None,
        )
        self._running[reference] = index

    def _read_news(self) -> None:
        news = self._ray.get(self._mailbox.news.remote())
        for start in news.starts:
            how = "goes on from its last state" if start.resumed else "begins"
            _logger.info("%s %s on %s", self._tasks[start.trial].trial.name, how, start.machine)
        for trial, epoch, accuracy in news.epochs:
            if self._report is not None and self._report(trial, epoch, accuracy):
                self._mailbox.stop.remote(trial)
        for index, state in news.states.items():
            unpack_folder(state, self._tasks[index].run_dir)
        if news.images_wanted:
            number = f"{len(self._files):,}"
            _logger.info("Sending %s images to machines that do not see them.", number)
            parts = [self._ray.put(part) for part in read_files(self._files)]
            self._mailbox.give_images.remote(parts)

    def _receive(self, reference: Any, task: TrialTask) -> Exception | None:
        """Write a trial's results; return its error instead."""
        try:
            packed = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            cause = error.as_instanceof_cause()
            return cause if isinstance(cause, Exception) else error
        except self._ray.exceptions.RayError as error:
            return cast(Exception, error)
        unpack_folder(packed, task.folder)
        forget_attempts(task)
        return None


def _on_head(ray: ModuleType) -> dict[str, Any]:
    """Return the options that place an actor beside the head, whose death ends all anyway."""
    for node in ray.nodes():
        if node["Alive"] and "node:__internal_head__" in node["Resources"]:
            return _on_node(node["NodeID"])
    return {}


def _on_node(node: str) -> dict[str, Any]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)}


def _attempt(
    index: int,
    task: TrialTask,
    files: dict[str, int],
    mailbox: Any,
    versions: dict[str, str],
    watched: bool,
) -> bytes:
    """Run a trial on a machine of the cluster; return its packed results."""
    import ray

    leave_gpu_memory()
    check_versions(versions)
    received = None if sees_files(files) else _receive_images(ray, files, mailbox)
    here = Path(tempfile.mkdtemp(prefix="pykeras_tl-"))
    tables = received.local_tables(task.tables) if received else task.tables
    local = replace(task, tables=tables, folder=here / task.folder.name)

    def report(epoch: int, accuracy: float) -> bool:
        return bool(ray.get(mailbox.report.remote(index, epoch, accuracy)))

    try:
        state = ray.get(mailbox.start.remote(index, ray.util.get_node_ip_address()))
        if state is not None:
            unpack_folder(state, local.run_dir)
        with _SavedStates(index, local.run_dir, mailbox):
            run_task(local, report if watched else None)
        if received:
            received.restore_names(local.folder)
        return pack_folder(local.folder)
    finally:
        shutil.rmtree(here, ignore_errors=True)


class _SavedStates:
    """Sends each new checkpoint to the mailbox, from a thread of its own."""

    def __init__(self, index: int, run_dir: Path, mailbox: Any) -> None:
        self._index, self._run_dir, self._mailbox = index, run_dir, mailbox
        # Each checkpoint has a name of its own.
        self._sent = packable_files(run_dir)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> _SavedStates:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        import ray

        while not self._ended.wait(_INTERVAL):
            present = packable_files(self._run_dir)
            if present and present != self._sent:
                ray.get(self._mailbox.save.remote(self._index, pack_folder(self._run_dir)))
                self._sent = present


def _receive_images(ray: ModuleType, files: dict[str, int], mailbox: Any) -> ReceivedImages:
    while (parts := ray.get(mailbox.images.remote())) is None:
        time.sleep(_INTERVAL)
    received = ReceivedImages(files)
    received.write(ray.get(part) for part in parts)
    return received


def _remove_copies(files: dict[str, int]) -> None:
    ReceivedImages(files).remove()
