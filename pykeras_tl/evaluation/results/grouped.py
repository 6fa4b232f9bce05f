"""What all evaluations know of the groups of their images."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ...visualization.rich_display import Display, Displayed
from .folder import size_in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class GroupedResults(Displayed):
    """Results on images, of which some may belong together.

    Attributes:
        predictions: One row per image.
        groups: The group of each image, or None.
        groups_are_copies: Whether each group is the copies of one image.
    """

    predictions: pd.DataFrame
    groups: Sequence[Hashable] | None
    groups_are_copies: bool

    @property
    def summary(self) -> dict[str, float]:
        """The metrics, by name."""
        raise NotImplementedError

    @property
    def independent(self) -> int:
        """The number of groups, or of images if there are no groups."""
        return len(self.predictions) if self.groups is None else len(set(self.groups))

    @property
    def size(self) -> str:
        """The number of images and groups in words, such as "2,487 images, 68 distinct"."""
        # An image that was predicted in several runs is one.
        images = self.predictions.iloc[:, 0].nunique()
        return size_in_words(images, self.groups, self.groups_are_copies)

    def _shown(
        self, tables: Mapping[str, pd.DataFrame], plot: Callable[[], Figure] | None = None
    ) -> Display:
        facts = {name.replace("_", " "): value for name, value in self.summary.items()}
        return Display(f"Evaluation: {self.size}", facts, tables, plot)
