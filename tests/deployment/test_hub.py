"""Classifiers on the Hugging Face Hub, of which a folder takes the place: no network is used."""

import json
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import keras
import pytest

from pykeras_tl.deployment import from_hub, push_to_hub
from pykeras_tl.models import Classifier, PreprocessConfig

huggingface_hub = pytest.importorskip("huggingface_hub")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A folder in place of the Hub, by the functions of huggingface_hub that are used."""
    from huggingface_hub.utils import filter_repo_objects

    root = tmp_path / "hub"

    class Api:
        def __init__(self, token=None):
            assert token == "secret"

        def create_repo(self, name, private, exist_ok):
            (root / name).mkdir(parents=True, exist_ok=exist_ok)

        def upload_folder(self, repo_id, folder_path, commit_message, delete_patterns):
            old = [file.name for file in (root / repo_id).iterdir()]
            for name in filter_repo_objects(old, allow_patterns=delete_patterns):
                (root / repo_id / name).unlink()
            shutil.copytree(folder_path, root / repo_id, dirs_exist_ok=True)
            return SimpleNamespace(commit_url=f"https://hub/{repo_id}/commit/1")

    def download(name, revision, token, allow_patterns, local_dir):
        files = [file.name for file in (root / name).iterdir()]
        for file in filter_repo_objects(files, allow_patterns=allow_patterns):
            shutil.copy(root / name / file, local_dir)
        downloaded.extend(file.name for file in Path(local_dir).iterdir())

    downloaded = []
    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return SimpleNamespace(root=root, downloaded=downloaded)


@pytest.fixture
def uploaded(hub):
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    classifier = Classifier(model, ["cat", "dog"], PreprocessConfig((4, 4)), card="# Pets\n")
    assert push_to_hub(classifier, "me/pets", token="secret") == "https://hub/me/pets/commit/1"
    return hub.root / "me" / "pets"


def test_what_is_pushed_can_be_loaded(hub, uploaded):
    loaded = from_hub("me/pets")
    assert (loaded.class_names, loaded.card) == (["cat", "dog"], "# Pets\n")


def test_other_files_are_not_downloaded(hub, uploaded):
    (uploaded / "model.pkl").write_bytes(pickle.dumps(print))
    (uploaded / "code.py").write_text("raise SystemExit")
    from_hub("me/pets")
    assert sorted(hub.downloaded) == [
        "README.md", "config.json", "model.json", "model.weights.h5",
    ]  # fmt: skip


def test_a_layer_that_runs_code_is_refused(hub, uploaded):
    path = uploaded / "model.json"
    text = path.read_text()
    assert '"Flatten"' in text
    path.write_text(text.replace('"Flatten"', '"Lambda"'))
    json.loads(path.read_text())
    with pytest.raises(ValueError, match="not a valid classifier"):
        from_hub("me/pets")


def test_pickled_weights_are_refused(hub, uploaded):
    (uploaded / "model.weights.h5").write_bytes(pickle.dumps([print]))
    with pytest.raises(ValueError, match="not a valid classifier"):
        from_hub("me/pets")
