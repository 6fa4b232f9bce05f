"""Trials on a real Ray cluster: a head and worker nodes, each with processes of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from pykeras_tl import ImageDataGenerator, audit, pack_images
from pykeras_tl.recipe.plan import Plan
from pykeras_tl.recipe.planning import Request
from pykeras_tl.recipe.saved_plans import save_plans
from pykeras_tl.search import search, search_classifier
from pykeras_tl.storage.disk_cache import list_cache
from pykeras_tl.studies import Study, run_study
from pykeras_tl.studies.execution.image_transfer import (
    ReceivedImages,
    image_files,
    read_files,
    sees_files,
)
from pykeras_tl.studies.runner import StudyResult
from pykeras_tl.training import fit
from pykeras_tl.training.feature_cache import caching

ray = pytest.importorskip("ray", reason="Ray is not installed")
_EPOCHS = 25
# As many threads as without a cluster: sums of floating-point numbers depend on it.
_CPUS = len(os.sched_getaffinity(0))
_PATIENCE = 500


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without CPUs, so that trials run on the nodes that a test adds."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "num_gpus": 0})
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def blind_to(cluster: Any, tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """A function that starts a node in a mount namespace where a folder is empty."""
    started = []

    def start(folder: Path) -> None:
        alone = ["unshare", "--user", "--map-root-user", "--mount"]
        if subprocess.run([*alone, "mount", "-t", "tmpfs", "none", folder], check=False).returncode:
            pytest.skip("this machine gives no mount namespaces")
        node = [str(Path(sys.executable).with_name("ray")), "start", "--block",
                f"--address={cluster.address}", f"--num-cpus={_CPUS}"]  # fmt: skip
        hide = ["sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', folder]
        log = (tmp_path / "node.log").open("w")
        started.append(subprocess.Popen([*alone, *hide, *node], stdout=log, stderr=log))

    yield start
    for process in started:
        process.terminate()
        process.wait()


def _numbers(result: StudyResult) -> pd.DataFrame:
    table = result.to_frame()
    return table[~table["metric"].str.contains("second|minute")].reset_index(drop=True)


def _same_weights(one: StudyResult, other: StudyResult) -> bool:
    pairs = zip(one.trials, other.trials, strict=True)
    return all(_equal_arrays(mine.folder, theirs.folder) for mine, theirs in pairs)


def _equal_arrays(one: Path, other: Path) -> bool:
    from pykeras_tl.models import load_classifier

    weights = [load_classifier(each / "classifier").model.get_weights() for each in (one, other)]
    return all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def _wait_for_state(folder: Path, known: set[Path]) -> set[Path]:
    """Wait until a checkpoint is there that is not known; return all."""
    end = time.monotonic() + _PATIENCE
    pattern = "trials/*.unfinished/*/checkpoints/epoch-*/state.json"
    while not (found := set(folder.glob(pattern))) - known:
        assert time.monotonic() < end, "no state was saved"
        time.sleep(0.2)
    return found


_DRIVER = """
import sys
from pathlib import Path
from pykeras_tl.images.progress import report_progress_to
from pykeras_tl.studies import run_study
sys.path.insert(0, {tests!r})
from studies.conftest import make_tiny_study
report_progress_to(lambda what, done, total: print(what, done, "of", total, file=sys.stderr))
run_study(
    make_tiny_study(), {data!r}, {out!r}, epochs={epochs}, trials="cosine", cluster={address!r}
)
"""


def _start_driver(address: str, data: Path, out: Path) -> subprocess.Popen[str]:
    tests = str(Path(__file__).parents[1])
    code = _DRIVER.format(
        tests=tests, data=str(data), out=str(out), epochs=_EPOCHS, address=address
    )
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


# Before the cluster of the other tests is there, which would be found.
def test_a_cluster_that_is_not_there_is_named(
    tiny_study: Study, colours: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConnectionError, match="ray start --head"):
        run_study(tiny_study, colours, tmp_path / "out", cluster="auto")


@pytest.mark.slow  # Ray's processes and one TensorFlow for each attempt take their time.
@pytest.mark.parametrize(
    "driver_dies",
    [
        False,
        pytest.param(
            True,
            marks=pytest.mark.skipif(
                "PYKERAS_TL_LONG_CLUSTER_TESTS" not in os.environ,
                reason="two minutes more: PYKERAS_TL_LONG_CLUSTER_TESTS=1",
            ),
        ),
    ],
)
def test_a_study_survives_the_death_of_machines(
    cluster: Any, tiny_study: Study, colours: Path, tmp_path: Path, driver_dies: bool
) -> None:
    here = run_study(tiny_study, colours, tmp_path / "here", epochs=_EPOCHS, trials="cosine")
    first = cluster.add_node(num_cpus=_CPUS)
    out = tmp_path / "out"
    driver = _start_driver(cluster.address, colours, out)
    states = _wait_for_state(out, set())
    if driver_dies:
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
        driver = _start_driver(cluster.address, colours, out)
        _wait_for_state(out, states)
    # A node joins late, and the one that trains dies.
    late = cluster.add_node(num_cpus=_CPUS)
    cluster.remove_node(first, allow_graceful=False)
    _, log = driver.communicate(timeout=_PATIENCE)
    assert driver.returncode == 0, log
    # Epochs are seen where the command was given, one after another.
    shown = re.findall(rf"Training (\d+) of {_EPOCHS}", log)
    assert len(set(shown)) > 3
    assert shown[-1] == str(_EPOCHS)
    cluster.remove_node(late)

    there = run_study(tiny_study, colours, out, epochs=_EPOCHS, trials="cosine")
    pd.testing.assert_frame_equal(_numbers(there), _numbers(here))
    assert _same_weights(there, here)
    assert not list(out.glob("trials/*.unfinished"))


@pytest.mark.slow  # Two small networks are trained, in processes that start TensorFlow.
def test_a_search_on_a_machine_that_does_not_see_the_images(
    cluster: Any,
    blind_to: Callable[[Path], None],
    colours: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    images, out = tmp_path / "images", tmp_path / "out"
    shutil.copytree(colours / "TRAIN", images)
    blind_to(images)
    plan = Plan("mobilenet", (32, 32), 8, "block11", 1, False, 1.0)
    asked: dict[str, Any] = {"backbone": "mobilenet", "weights": None, "target_size": (32, 32),
                             "batch_size": 8, "minutes": 1}  # fmt: skip
    save_plans(out, Request("good", **asked), {"search": plan}, search._STUDY)
    with caplog.at_level("INFO"):
        result = search_classifier(
            images, out, trials=2, groups=None, cluster=cluster.address, **asked
        )
    assert "Sending" in caplog.text
    assert result.table["state"].tolist() == ["complete", "complete"]
    assert result.evaluation.predictions["filename"].map(os.path.exists).all()
    predicted = pd.concat(map(pd.read_csv, out.glob("trials/*/evaluation/*/predictions.csv")))
    assert predicted["filename"].str.startswith(f"{images}/").all()


@pytest.mark.slow  # Two processes start TensorFlow.
def test_features_are_computed_on_machines(
    cluster: Any, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(cache: str, address: str | None) -> list[np.ndarray]:
        monkeypatch.setenv("PYKERAS_TL_CACHE", str(tmp_path / cache))
        keras.utils.set_random_seed(0)
        frozen = keras.layers.Conv2D(4, 3, trainable=False)
        model = keras.Sequential([keras.Input((32, 40, 3)), frozen, keras.layers.Flatten(),
                                  keras.layers.Dense(3, "softmax")])  # fmt: skip
        model.compile("sgd", "categorical_crossentropy")
        flow = ImageDataGenerator(rescale=1 / 255).flow_from_shards(
            tmp_path / "shards", target_size=(32, 40), batch_size=5, seed=1
        )
        fit(model, flow, epochs=2, cluster=address, verbose=0)
        assert list_cache()["kind"].tolist().count("features") == 2
        return model.get_weights()

    monkeypatch.setattr(caching, "_SEGMENT", 32)
    pack_images(colours / "TRAIN", tmp_path / "shards")
    node = cluster.add_node(num_cpus=_CPUS)
    here, there = train("here", None), train("there", cluster.address)
    one = audit(colours)
    other = audit(colours, cluster=cluster.address)
    cluster.remove_node(node)
    for mine, theirs in zip(here, there, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    pd.testing.assert_frame_equal(one.files, other.files)
    pd.testing.assert_frame_equal(one.problems, other.problems)


def test_images_travel_as_they_are(colours: Path, tmp_path: Path) -> None:
    copy = tmp_path / "images"
    shutil.copytree(colours / "TEST", copy)
    table = pd.DataFrame({"filename": sorted(map(str, copy.rglob("*.png")))})
    files = image_files([table])
    assert sees_files(files)
    contents = [Path(name).read_bytes() for name in table["filename"]]
    parts = list(read_files(files))
    shutil.rmtree(copy)
    assert not sees_files(files)

    received = ReceivedImages(files)
    received.write(parts)
    local = received.local_tables({"test": table})["test"]["filename"]
    assert [Path(name).read_bytes() for name in local] == contents
    results = tmp_path / "results"
    (results / "evaluation/test").mkdir(parents=True)
    predictions = results / "evaluation/test/predictions.csv"
    table.assign(blue=0.1).to_csv(tmp_path / "expected.csv", index=False)
    pd.DataFrame({"filename": local, "blue": 0.1}).to_csv(predictions, index=False)
    received.restore_names(results)
    assert predictions.read_bytes() == (tmp_path / "expected.csv").read_bytes()
    received.remove()
    assert not received.folder.exists()
