"""Classifiers on the Hugging Face Hub, by the means of huggingface_hub.

What is downloaded is data: only the files that a classifier consists of, read by the loader that
runs nothing from them.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ..models.saving.classifier import load_predictor
from ..models.saving.classifier_folder import FILES
from .extras import need

if TYPE_CHECKING:
    from .predictor import Served


def push_to_hub(
    classifier: Served,
    repository: str,
    *,
    private: bool = True,
    token: str | None = None,
    message: str = "Upload a classifier",
) -> str:
    """Upload a classifier, with its model card, to the Hugging Face Hub.

    Args:
        classifier: The classifier, or a multi-label classifier or a regressor.
        repository: The name of the model repository, `"owner/name"`; created if missing.
        private: Whether a repository that is created is private.
        token: An access token; by default the one of `hf auth login` or `HF_TOKEN`.
        message: The message of the commit.

    Returns:
        The address of the commit.

    Raises:
        ModuleNotFoundError: If huggingface_hub is missing; `pip install "pykeras-tl[hub]"`.
        huggingface_hub.errors.HfHubHTTPError: If the Hub refuses.

    Example:
        >>> push_to_hub(classifier, "me/blood-cells")  # doctest: +SKIP
        'https://huggingface.co/me/blood-cells/commit/0f9a31c2'
    """
    api = _hub().HfApi(token=token)
    with TemporaryDirectory() as temporary:
        folder = classifier.save(Path(temporary) / "classifier")
        api.create_repo(repository, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message=message,
            # What an earlier version of the classifier had, and this one has not.
            delete_patterns=list(FILES),
        )
    return str(commit.commit_url)


def from_hub(repository: str, *, revision: str | None = None, token: str | None = None) -> Served:
    """Load a classifier from the Hugging Face Hub, without running anything from it.

    Only the files that a classifier consists of are downloaded, and `load_predictor` reads them:
    layers that run code, pickles and oversized arrays are refused.

    Args:
        repository: The name of the model repository, `"owner/name"`.
        revision: A branch, tag or commit; the main branch by default.
        token: An access token, for private repositories.

    Returns:
        The classifier, or what else was uploaded.

    Raises:
        FileNotFoundError: If the repository holds no classifier of this package.
        ModuleNotFoundError: If huggingface_hub is missing; `pip install "pykeras-tl[hub]"`.
        ValueError: If a file is damaged or unsafe.
        huggingface_hub.errors.HfHubHTTPError: If the Hub has no such repository, or refuses.

    Example:
        >>> from_hub("me/blood-cells").predict("images")  # doctest: +SKIP
    """
    hub = _hub()
    with TemporaryDirectory() as folder:
        # Into a folder of its own: the files of the Hub's cache are links, which are not followed.
        hub.snapshot_download(
            repository, revision=revision, token=token, allow_patterns=list(FILES), local_dir=folder
        )
        return load_predictor(folder)


def _hub() -> Any:
    return need("huggingface_hub", "hub")
