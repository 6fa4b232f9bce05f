"""The metrics of a training run by epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..storage.atomic_files import atomic_file
from ..visualization.rich_display import Display, Displayed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_VALIDATION = "val_"


@dataclass(repr=False)
class History(Displayed):
    """The metrics of a training run, one value an epoch.

    It has the attributes of the History that Keras's `fit` returns, so that scripts that read
    `history.history["val_accuracy"]` still work. `+` joins two histories.

    Attributes:
        history: Metric name to one value for each epoch; names of validation metrics start with
            `val_`. NaN where an epoch or a joined phase did not compute a metric.
        epoch: The epochs' numbers, from 0 as in Keras.
        params: `epochs`, `steps` and `verbose`.
        phases: Name of each phase to its first epoch, from 0; empty for a run without phases.
        stopped: True when the user interrupted the run.

    Example:
        >>> head = History({"loss": [0.9, 0.7]}, [0, 1])
        >>> (head + History({"loss": [0.5]}, [0])).to_frame()
           epoch metric  value      data
        0      1   loss    0.9  training
        1      2   loss    0.7  training
        2      3   loss    0.5  training
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    phases: dict[str, int] = field(default_factory=dict)
    stopped: bool = False

    @classmethod
    def from_logs(
        cls, logs: Mapping[str, Sequence[Any]], epoch: Sequence[int], params: Mapping[str, Any]
    ) -> History:
        """Convert what Keras's History callback has recorded.

        Args:
            logs: Metric name to one value for each epoch.
            epoch: The epochs' numbers, from 0.
            params: Keras's `params`.

        Returns:
            The history, as plain Python numbers.
        """
        values = {str(name): [float(value) for value in logs[name]] for name in logs}
        return cls(values, [int(number) for number in epoch], dict(params))

    def to_frame(self) -> pd.DataFrame:
        """Return the history as a tidy table.

        Returns:
            One row for each epoch and metric: `epoch` (from 1), `metric`, `value`, `data`
            (`"training"` or `"validation"`), sorted by metric, data and epoch.
        """
        rows = [
            (number + 1, name.removeprefix(_VALIDATION), value, _data(name))
            for name in sorted(self.history, key=lambda name: _sort_key(name, self.history))
            for number, value in zip(self.epoch, self.history[name])
        ]
        return pd.DataFrame(rows, columns=["epoch", "metric", "value", "data"]).astype(
            {"epoch": "int64", "value": "float64"}
        )

    def plot(self) -> Figure:
        """Plot each metric in a panel, training and validation, as `plot_history` does.

        Returns:
            A matplotlib figure without a window; notebooks show it, and `figure.savefig(path)`
            writes it.

        Raises:
            ValueError: When there is no epoch to plot.
        """
        from ..visualization.history_curves import plot_history

        return plot_history(self)

    def _display(self) -> Display:
        title = f"Training history of {len(self.epoch)} epochs"
        if not self.epoch:
            return Display(title, {})
        last = {f"last {name}": values[-1] for name, values in self.history.items()}
        return Display(title, last, plot=self.plot)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the history as CSV.

        Args:
            path: The file; its folder is created when missing.

        Returns:
            The path. The columns are `to_frame()`'s, and `phase` where phases have names.
        """
        table = self.to_frame()
        if self.phases:
            table["phase"] = [self._phase(number - 1) for number in table["epoch"]]
        with atomic_file(path) as temporary:
            table.to_csv(temporary, index=False)
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> History:
        """Read a history that `save` wrote.

        Args:
            path: The CSV file.

        Returns:
            The history; `params` and `stopped` are not in the file.

        Raises:
            ValueError: When the file is not such a table.
        """
        table = pd.read_csv(path, dtype={"value": str})
        missing = {"epoch", "metric", "value", "data"} - set(table.columns)
        if missing:
            raise ValueError(
                f"{path} is not a saved history: column {', '.join(sorted(missing))} is missing."
            )
        values: dict[str, list[float]] = {}
        for (metric, data), rows in table.groupby(["metric", "data"], sort=False):
            prefix = _VALIDATION if data == "validation" else ""
            # Unlike pandas's, Python's parsing of a number is exact in every version.
            values[f"{prefix}{metric}"] = [float(value) for value in rows["value"]]
        phases: dict[str, int] = {}
        if "phase" in table:
            first = table.groupby("phase")["epoch"].min().sort_values()
            phases = {str(name): int(number) - 1 for name, number in first.items()}
        return cls(values, sorted({int(number) - 1 for number in table["epoch"]}), phases=phases)

    def __add__(self, other: History) -> History:
        """Append a later phase; its epochs are renumbered where they do not continue these."""
        after = self.epoch[-1] + 1 if self.epoch else 0
        shift = after if other.epoch and other.epoch[0] < after else 0
        missing = float("nan")
        names = list(dict.fromkeys([*self.history, *other.history]))
        return History(
            history={
                name: self.history.get(name, [missing] * len(self.epoch))
                + other.history.get(name, [missing] * len(other.epoch))
                for name in names
            },
            epoch=self.epoch + [number + shift for number in other.epoch],
            params={**self.params, **other.params},
            phases=self.phases | {name: first + shift for name, first in other.phases.items()},
            stopped=self.stopped or other.stopped,
        )

    def _phase(self, number: int) -> str:
        begun = [name for name, first in self.phases.items() if first <= number]
        return begun[-1] if begun else ""


def _data(name: str) -> str:
    return "validation" if name.startswith(_VALIDATION) else "training"


def _sort_key(name: str, names: Mapping[str, Any]) -> tuple[int, str]:
    """Order by the metric's first appearance, training before validation."""
    metrics = list(dict.fromkeys(other.removeprefix(_VALIDATION) for other in names))
    return metrics.index(name.removeprefix(_VALIDATION)), _data(name)
