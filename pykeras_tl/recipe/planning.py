"""Plans a training: looks at the images, tries frozen backbones, and measures the machine."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from ..images.decoding.value_range import DtypeRange, as_dtype_range, range_setting
from ..models.backbones.registry import get_backbone
from ..models.weights.at_hand import default_backbone, find_weights
from .image_size import image_sizes
from .plan import QUALITIES, Plan, Workload, affordable, make_plan
from .probing import ProbeResult, probe_backbone
from .sampling import probe_sample
from .survey import Survey, survey_images

_logger = logging.getLogger(__name__)
# From fast to accurate. Those are tried whose weights are on this machine.
_BACKBONES = ("efficientnet_lite0", "efficientnet_lite2")
# What `quality="best"` averages: as many networks, one after the other, or seeds of one.
_SISTERS = ("efficientnet_lite2", "efficientnet_lite1", "efficientnet_lite0")
_MEMBERS = 3
# How much more work a larger sister does, about; it is measured once it is tried.
_SISTER = 2.2
# The second size is where small networks do well.
_FIRST_SIZE = 1


@dataclass(frozen=True)
class Request:
    """What the user asks of a training.

    Attributes:
        quality: `"fast"`, `"good"` or `"best"`.
        minutes: The time that all of it may take.
        backbone: A backbone to use; None tries those at hand.
        weights: Its weights, as for `transfer_model`.
        target_size: A size of images to use; None tries several.
        batch_size: Images in a batch; None chooses.
        seed: The seed.
        dtype_range: The range of values in the files, as in `read_image`.
    """

    quality: str = "good"
    minutes: float | None = None
    backbone: str | None = None
    weights: str | os.PathLike[str] | None = "imagenet"
    target_size: tuple[int, int] | None = None
    batch_size: int | None = None
    seed: int = 0
    dtype_range: DtypeRange = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype_range", as_dtype_range(self.dtype_range))
        if self.backbone is not None:
            get_backbone(self.backbone)
        if self.quality not in QUALITIES:
            raise ValueError(
                f"Expected quality to be {', '.join(map(repr, QUALITIES))}. "
                f"Received: {self.quality!r}."
            )
        if self.minutes is not None and not self.minutes > 0:
            raise ValueError(f"Expected minutes above 0. Received: {self.minutes!r}.")
        if self.target_size is not None and min(self.target_size) < 1:
            raise ValueError(
                "Expected a target_size of at least 1 pixel each way. "
                f"Received: {self.target_size}."
            )
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"Expected batch_size >= 1. Received: {self.batch_size}.")

    @property
    def seconds(self) -> float:
        """The time that all of it may take, in seconds."""
        return 60 * (QUALITIES[self.quality] if self.minutes is None else self.minutes)

    def to_record(self) -> dict[str, Any]:
        """Return what was asked as values that JSON can represent."""
        size = None if self.target_size is None else list(self.target_size)
        record = asdict(self) | {"weights": self.weights_name, "target_size": size}
        # Left out where it is None: records from before there was a range stay valid.
        del record["dtype_range"]
        return record | range_setting(self.dtype_range)

    @property
    def weights_name(self) -> str | None:
        """The weights as text."""
        return None if self.weights is None else os.fspath(self.weights)


Probe = Callable[[str, tuple[int, int], tuple[pd.DataFrame, pd.DataFrame]], ProbeResult]


def plan_training(
    tables: Mapping[str, pd.DataFrame],
    request: Request,
    started: float,
    probe_with: Probe | None = None,
    describe: Callable[[Survey], str] = Survey.describe,
) -> dict[str, Plan]:
    """Plan a training within the time that is left.

    Args:
        tables: The images of each split, with `train` and `validation`. Others are counted, and
            not looked at.
        request: What the user asks.
        started: When the time began, by `time.monotonic`.
        probe_with: Tries a backbone, by its name, at a size, on images to learn from and images to
            judge by; by default on the classes of the images.
        describe: Writes what the images are.

    Returns:
        The plans by name: one, or those of the networks to average.
    """
    survey = survey_images(tables["train"])
    described = describe(survey)
    _logger.info("Training images: %s", described)
    counts = {name: len(table) for name, table in tables.items()}
    others = sum(counts.values()) - counts["train"] - counts["validation"]

    def work() -> Workload:
        left = request.seconds - (time.monotonic() - started)
        return Workload(counts["train"], counts["validation"], others, left)

    sample = probe_sample(tables, request.seed)
    classes = sorted(tables["train"]["class"].unique())

    def probe(name: str, size: tuple[int, int]) -> ProbeResult:
        if probe_with is not None:
            return probe_with(name, size, sample)
        return probe_backbone(
            name, size, sample, classes, request.weights_name, request.dtype_range
        )

    probes = _probes(survey, request, probe, work)
    found = [described, *(f"{each.describe()}." for each in probes)]
    if request.quality == "best":
        # Where images have one class each, another network learns from the average.
        parts = _MEMBERS + (probe_with is None)
        plans = _several(probes, probe, work(), request, parts)
    else:
        plan = make_plan(probes, work(), request.quality, request.batch_size)
        plans = {plan.backbone: plan}
    for name, plan in plans.items():
        for reason in plan.reasons:
            _logger.info("%s%s", f"{name}: " if len(plans) > 1 else "", reason)
    return {name: plan.with_reasons(found) for name, plan in plans.items()}


def _several(
    probes: Sequence[ProbeResult],
    probe: Callable[[str, tuple[int, int]], ProbeResult],
    work: Workload,
    request: Request,
    parts: int,
) -> dict[str, Plan]:
    """Plan several networks that share the size of the images, each in its part of the time."""
    part = replace(work, seconds=work.seconds / parts)
    first = make_plan(probes, part, request.quality, request.batch_size)
    names = [request.backbone] if request.backbone else _at_hand(_SISTERS)
    known = {(each.backbone, each.size): each for each in probes}
    plans = {}
    for number in range(_MEMBERS):
        name = names[number % len(names)]
        key = (name, first.target_size)
        if key not in known:
            known[key] = probe(*key)
        label = name if number < len(names) else f"{name}-{number // len(names) + 1}"
        plans[label] = make_plan([known[key]], part, request.quality, request.batch_size)
    turned = all(plan.turned for plan in plans.values())
    return {label: replace(plan, turned=turned) for label, plan in plans.items()}


def _probes(
    survey: Survey,
    request: Request,
    probe: Callable[[str, tuple[int, int]], ProbeResult],
    work: Callable[[], Workload],
) -> list[ProbeResult]:
    """Try the fastest network, then the largest sizes of images that there is time for."""
    sizes = image_sizes(survey.height, survey.width)
    if request.target_size is not None:
        sizes = [request.target_size]
    names = [request.backbone] if request.backbone else _at_hand(_BACKBONES)
    probes = [first := probe(*first_choice(survey, request))]
    if request.quality == "fast":
        return probes
    for name in dict.fromkeys([names[-1], names[0]]):
        factor = 1.0 if name == names[0] else _SISTER
        for size in reversed(sizes):
            speed = first.speed.scaled(factor * _area(size) / _area(first.size))
            if affordable(work(), speed):
                if (name, size) != (first.backbone, first.size):
                    probes.append(probe(name, size))
                break
    return [each for each in probes if affordable(work(), each.speed, share=0.7)] or [first]


def first_choice(survey: Survey, request: Request) -> tuple[str, tuple[int, int]]:
    """Return the backbone and the size of images to begin with.

    Args:
        survey: What the images are.
        request: What the user asks.

    Returns:
        The name of the backbone; height and width in pixels.
    """
    sizes = image_sizes(survey.height, survey.width)
    size = request.target_size or sizes[min(_FIRST_SIZE, len(sizes) - 1)]
    return request.backbone or _at_hand(_BACKBONES)[0], size


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _at_hand(names: Sequence[str]) -> list[str]:
    return [name for name in names if find_weights(name)] or [default_backbone()]
