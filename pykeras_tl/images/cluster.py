"""Work on many images on the machines of a Ray cluster."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any, TypeVar

from ..storage.shards.reading import is_file
from ..versions import package_versions

# A part of the work whose machines die more often than this is given up.
_RETRIES = 10
Part = TypeVar("Part")
Result = TypeVar("Result")
# What the process of a machine works with, by the reference to what made it.
_made: dict[Any, Callable[[Any], Any]] = {}


class VersionsDifferError(RuntimeError):
    """Raised when a machine of the cluster has other versions than the driver."""


def connect(address: str) -> ModuleType:
    """Connect to a cluster, unless this process is connected already.

    Args:
        address: `"auto"` for the cluster that this machine belongs to, `"ray://HOST:10001"`, or
            `"local"` for one of this machine alone.

    Returns:
        The module `ray`.

    Raises:
        ImportError: If Ray is not installed.
        ConnectionError: If there is no cluster at the address.
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            'A cluster needs Ray. Run pip install "pykeras-tl[cluster]" on each of its machines.'
        ) from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray would replace the variable by an empty one where a task has no GPU.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConnectionError(
                f"No Ray cluster was found at {address!r}: {str(error).splitlines()[0]} Start one "
                "with `ray start --head`, and `ray start --address=HOST:6379` on each other "
                "machine."
            ) from error
    return ray


def share_of_a_machine(ray: ModuleType, jobs: int) -> dict[str, Any]:
    """Return what one trial takes: a machine's CPUs and GPUs, by the number of trials on it.

    Args:
        ray: The module.
        jobs: Trials at a time on each machine.

    Returns:
        Options of a task. Of machines that differ, the smallest counts.
    """
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    cpus = [int(each["CPU"]) for each in resources if each.get("CPU", 0) >= 1]
    gpus = [each["GPU"] for each in resources if each.get("GPU", 0) > 0]
    share = max(1, min(cpus, default=1) // jobs)
    threads = {name: str(share) for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")}
    settings = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PYKERAS_TL_") or name in ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL")
    }
    return {
        "num_cpus": share,
        "num_gpus": min(gpus) / jobs if gpus and len(gpus) == len(cpus) else 0,
        "runtime_env": {"env_vars": threads | settings},
    }


def check_versions(expected: dict[str, str]) -> None:
    """Raise an error when this machine has other versions than the driver.

    Args:
        expected: The driver's, as `package_versions` returns them.

    Raises:
        VersionsDifferError: If they differ.
    """
    found = package_versions()
    different = [name for name in expected if found.get(name) != expected[name]]
    if different:
        here = ", ".join(f"{name} {found.get(name, 'missing')}" for name in different)
        there = ", ".join(f"{name} {expected[name]}" for name in different)
        raise VersionsDifferError(
            f"Expected the versions of the driver on each machine: {there}. Received: {here}."
        )


def map_on_machines(
    make: Callable[[], Callable[[Part], Result]], parts: Iterable[Part], address: str
) -> Iterator[Result]:
    """Work on parts on the machines of a cluster, one part at a time on each.

    A part whose machine dies goes to another one; machines may join at any time.

    Args:
        make: Called once in the process of a machine; returns the function to call with parts.
        parts: The parts, asked for a little ahead of the results.
        address: As for `connect`.

    Yields:
        The function's results, in the order of the parts.

    Raises:
        ImportError: If Ray is not installed.
        ConnectionError: If there is no cluster at the address.
    """
    ray = connect(address)
    reference, versions = ray.put(make), package_versions()
    task = ray.remote(**share_of_a_machine(ray, 1), max_retries=_RETRIES)(_work)
    waiting: deque[Any] = deque()

    def next_result() -> Result:
        try:
            result: Result = ray.get(waiting[0])
        except ray.exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from None
        waiting.popleft()
        return result

    try:
        for part in parts:
            # In a list, so that the machine fetches it once and not for each part.
            waiting.append(task.remote([reference], part, versions))
            while len(waiting) > 2 * _machines(ray):
                yield next_result()
        while waiting:
            yield next_result()
    finally:
        for unfinished in waiting:
            ray.cancel(unfinished, force=True)


def require_files(paths: Sequence[str]) -> None:
    """Raise an error when this machine does not see files that the driver sees.

    Args:
        paths: The files.

    Raises:
        FileNotFoundError: If one is missing.

    Example:
        >>> require_files([__file__])
    """
    missing = next((path for path in paths if not is_file(path)), None)
    if missing is not None:
        raise FileNotFoundError(
            f"{os.uname().nodename} does not see {missing}. Put the images where all machines of "
            "the cluster find them by the same path."
        )


def _machines(ray: ModuleType) -> int:
    return max(
        1, sum(node["Alive"] and node["Resources"].get("CPU", 0) >= 1 for node in ray.nodes())
    )


def _work(reference: list[Any], part: Any, versions: dict[str, str]) -> Any:
    import ray

    check_versions(versions)
    if reference[0] not in _made:
        _made.clear()
        _made[reference[0]] = ray.get(reference[0])()
    return _made[reference[0]](part)
