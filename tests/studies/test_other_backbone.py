"""Any study that rests on a pretrained network can be run with another one beside it."""

from __future__ import annotations

import pytest

from pykeras_tl.studies import get_study
from pykeras_tl.studies.other_backbone import with_backbone
from pykeras_tl.studies.study import Settings
from pykeras_tl.studies.trial import Trial
from pykeras_tl.studies.trial_runner import check_trial_options


@pytest.mark.parametrize("study", ["blood-cells", "cats-and-dogs", "pokemon", "birds", "histology"])
@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v2"])
def test_every_added_trial_can_be_run(study: str, name: str) -> None:
    published = get_study(study).trials(Settings(weights=None))
    trials = with_backbone(published, name)
    added = trials[len(published) :]
    assert trials[: len(published)] == published
    assert added
    assert len({each.name for each in added}) == len(added)
    for trial in added:
        assert trial.model["backbone"] == name
        check_trial_options(trial)


@pytest.mark.parametrize(
    ("old", "layer", "expected"),
    [
        ("vgg16", "block5_conv1", "block7"),
        ("vgg16", "block5", "block7"),
        ("vgg16", "block4_conv2", "block6"),
        ("resnet50", "conv1_conv", "stem"),
        ("resnet50", "conv1", "stem"),
        ("resnet50", "conv5", "block7"),
        ("nasnet_mobile", "a layer of its own", "block7"),
    ],
)
def test_fine_tuning_begins_as_far_from_the_output(old: str, layer: str, expected: str) -> None:
    training = {"optimizer": {"name": "adam"}, "epochs": 1}
    phase = {**training, "from": layer}
    trial = Trial("a", {}, {"backbone": old}, {**training, "fine_tune": phase})
    (_, other) = with_backbone([trial], "efficientnet_lite0")
    assert other.training["fine_tune"] == {**phase, "from": expected}
    assert other.name == "efficientnet_lite0-for-a"


def test_a_study_without_backbones_is_refused() -> None:
    with pytest.raises(ValueError, match="rest on a pretrained backbone"):
        with_backbone(get_study("soco").trials(Settings()), "efficientnet_lite0")
