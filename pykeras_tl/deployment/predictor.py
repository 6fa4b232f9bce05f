"""Runs one classifier for many requests: on one thread, several requests at a time.

The model is used by a single thread, so that nothing in Keras or its backend has to be safe for
several, and memory does not grow with the number of requests. Requests that wait for it are
predicted together, which costs little more than one.
"""

from __future__ import annotations

import math
import queue
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..images.decoding.reading import BadImageError

if TYPE_CHECKING:
    from ..models.saving.classifier import Classifier
    from ..models.saving.multi_label import MultiLabelClassifier
    from ..models.saving.regressor import Regressor

    Served = Classifier | MultiLabelClassifier | Regressor

# Memory, on Linux: images of others are not for the disk. Elsewhere, temporary files.
_MEMORY = Path("/dev/shm")
_BATCH = 32


@dataclass
class _Job:
    images: Sequence[bytes]
    # None for predictions, which can be joined with others.
    work: Callable[[list[Path]], Any] | None
    result: Future[Any] = field(default_factory=Future)


class Predictor:
    """Predicts the classes of images in memory, for any number of threads.

    Args:
        classifier: The classifier.

    Example:
        >>> predictor = Predictor(classifier)  # doctest: +SKIP
        >>> predictor.predict([Path("cell.png").read_bytes()]).result()  # doctest: +SKIP
        [{'predicted': 'EOSINOPHIL', 'probabilities': {'EOSINOPHIL': 0.9, ...}, 'error': None}]
    """

    def __init__(self, classifier: Served):
        self.classifier = classifier
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def predict(self, images: Sequence[bytes]) -> Future[list[dict[str, Any]]]:
        """Predict the classes of images.

        Args:
            images: The contents of image files.

        Returns:
            For each image, in order: `predicted` (a class, labels, or a number) and
            `probabilities` by class (None for a number), and what else the
            classifier says, such as `prediction_set` and `none_of_these`; for a file that cannot
            be read, `error` says why, and the others are None.
        """
        return self._submit(_Job(images, None))

    def run(self, images: Sequence[bytes], work: Callable[[list[Path]], Any]) -> Future[Any]:
        """Do something else with images and the classifier, on the same thread.

        Args:
            images: The contents of image files.
            work: Is called with their files, which are gone afterwards.

        Returns:
            What it returns.
        """
        return self._submit(_Job(images, work))

    def close(self) -> None:
        """End the thread after the jobs that wait; a later job starts it again."""
        with self._lock:
            if self._thread is not None:
                self._jobs.put(None)
                self._thread.join()
                self._thread = None

    def _submit(self, job: _Job) -> Future[Any]:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="predictor", daemon=True)
                self._thread.start()
            self._jobs.put(job)
        return job.result

    def _run(self) -> None:
        waiting: _Job | None = None
        while (job := waiting or self._jobs.get()) is not None:
            jobs, waiting, ended = [job], None, False
            while job.work is None and sum(len(each.images) for each in jobs) < _BATCH:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    ended = True
                    break
                if following.work is not None:
                    waiting = following
                    break
                jobs.append(following)
            self._do(jobs)
            if ended:
                break

    def _do(self, jobs: list[_Job]) -> None:
        try:
            with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
                images = [image for job in jobs for image in job.images]
                files = [Path(folder) / str(number) for number in range(len(images))]
                for file, image in zip(files, images):
                    file.write_bytes(image)
                work = jobs[0].work
                if work is not None:
                    jobs[0].result.set_result(work(files))
                    return
                rows = predict_rows(self.classifier, files)
            for job in jobs:
                job.result.set_result([rows.pop(0) for _ in job.images])
        # The thread goes on, whatever happens to one job.
        except Exception as error:
            for job in jobs:
                if not job.result.done():
                    job.result.set_exception(error)


def predict_rows(classifier: Served, files: Sequence[Path]) -> list[dict[str, Any]]:
    """Predict the classes of files, as plain values.

    Args:
        classifier: The classifier.
        files: Image files.

    Returns:
        As `Predictor.predict`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = classifier.predict(files)
    except BadImageError:
        # None of them can be read.
        return [_unread(_reason(classifier, file)) for file in files]
    # A regressor has no columns of probabilities.
    names = list(getattr(classifier, "class_names", ()))
    has_errors = table.columns[len(table.columns) - len(names) :].tolist() != names
    if not names:
        has_errors = len(table.columns) > 2
    end = table.shape[1] - has_errors
    first = end - len(names)
    rows = []
    for row in table.itertuples(index=False, name=None):
        if has_errors and row[-1]:
            rows.append(_unread(row[-1]))
            continue
        further = {
            str(name): _plain(value) for name, value in zip(table.columns[2:first], row[2:first])
        }
        shares = {name: float(value) for name, value in zip(names, row[first:end])} or None
        rows.append(
            {"predicted": _plain(row[1]), "probabilities": shares, **further, "error": None}
        )
    return rows


def _unread(reason: str) -> dict[str, Any]:
    return {"predicted": None, "probabilities": None, "error": f"The file {reason}."}


def _reason(classifier: Served, file: Path) -> str:
    try:
        classifier.images.read(file)
    except BadImageError as error:
        return error.reason
    return "cannot be read"


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if value is None or value is pd.NA or _is_nan(value) else value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
