"""The features by which a network tells images apart, and their projection to a plane."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from .scores import score_graph

PROJECTIONS = ("pca", "tsne", "umap")
# t-SNE's and UMAP's usual preparation: distances in more dimensions are slow and mostly noise.
_MOST_COMPONENTS = 50


def image_features(model: keras.Model, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Return for each image what the last layer of a classifier decides by.

    Args:
        model: A functional or sequential classifier, which may contain other models.
        images: Input of the model, shape (images, height, width, channels), scaled as in
            training.
        batch_size: Number of images at a time.

    Returns:
        float32 array of shape (images, features): the input of the last layer, averaged over the
        pixels if it has a spatial extent; of an average of several models, that of all.

    Raises:
        ValueError: If the model is a subclass of `keras.Model`.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(),
        ...      keras.layers.Dense(2, "softmax")])
        >>> image_features(model, np.ones((1, 8, 8, 3)))
        array([[1., 1., 1.]], dtype=float32)
    """
    explained = score_graph(model)
    part = explained.part(explained.graph.inputs, explained.features())
    axes = (2, 3) if keras.config.image_data_format() == "channels_first" else (1, 2)
    rows = []
    for start in range(0, len(images), batch_size):
        batch = keras.ops.convert_to_tensor(images[start : start + batch_size], "float32")
        outputs = [
            np.asarray(keras.ops.convert_to_numpy(each), "float32")
            for each in part([batch], training=False)
        ]
        flat = [each.mean(axis=axes) if each.ndim == 4 else each for each in outputs]
        rows.append(np.concatenate([each.reshape(len(each), -1) for each in flat], axis=1))
    return np.concatenate(rows)


def project(features: np.ndarray, projection: str = "pca", seed: int = 0) -> np.ndarray:
    """Project features to a plane.

    Args:
        features: Shape (images, features); at least three images.
        projection: `"pca"`, the two directions of largest variance, where distances keep their
            meaning; or `"tsne"` or `"umap"`, which keep neighbors together, while sizes of groups
            and distances between them mean nothing.
        seed: The seed of t-SNE and UMAP.

    Returns:
        float32 array of shape (images, 2).

    Raises:
        ValueError: If the projection is unknown, or there are fewer than three images.
        ImportError: If umap-learn is not installed.

    Example:
        >>> places = project(np.array([[0.0, 1, 2], [0, 2, 4], [0, 3, 6]]))
        >>> bool(np.allclose(places[:, 1], 0))  # They lie on a line.
        True

    Source:
        t-SNE: van der Maaten and Hinton, 2008. UMAP: McInnes et al., 2018,
        https://arxiv.org/abs/1802.03426.
    """
    if projection not in PROJECTIONS:
        raise ValueError(
            f"Expected projection to be one of {', '.join(map(repr, PROJECTIONS))}. "
            f"Received: {projection!r}."
        )
    if len(features) < 3:
        raise ValueError(f"Expected at least three images. Received: {len(features)}.")
    components = 2 if projection == "pca" else _MOST_COMPONENTS
    reduced = PCA(min(components, *features.shape), random_state=seed).fit_transform(features)
    if projection == "pca":
        # A single feature has no second direction.
        places = np.pad(reduced, ((0, 0), (0, 2 - reduced.shape[1])))
    elif projection == "tsne":
        perplexity = min(30, (len(features) - 1) / 3)
        places = TSNE(perplexity=perplexity, random_state=seed).fit_transform(reduced)
    else:
        places = _umap(reduced, seed)
    return np.asarray(places, "float32")


def _umap(features: np.ndarray, seed: int) -> Any:
    try:
        import umap
    except ImportError as error:
        raise ImportError(
            "projection='umap' needs the package umap-learn, which is not installed. Run: "
            'pip install "pykeras-tl[umap]", or use projection="tsne".'
        ) from error
    neighbors = min(15, len(features) - 1)
    start = "spectral" if len(features) > 10 else "random"
    return umap.UMAP(n_neighbors=neighbors, init=start, random_state=seed, n_jobs=1).fit_transform(
        features
    )
