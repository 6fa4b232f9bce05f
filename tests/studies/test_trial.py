from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykeras_tl.studies.trial import Trial, with_changes

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-1, 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
_settings = st.dictionaries(st.text(max_size=6), _values, max_size=4)
_options = st.dictionaries(st.text(max_size=6).map("own {}".format), _values, max_size=4)
_training = st.fixed_dictionaries(
    {},
    optional={
        "optimizer": _options.map(lambda options: {"name": "own", **options}),
        "epochs": st.integers(1, 1000),
        "schedule": st.none(),
        "unfreeze_from": st.text(max_size=8),
        "fine_tune": st.fixed_dictionaries({"from": st.text(max_size=8)}),
    },
)


@given(_settings, _options, _training, st.integers(0, 2**31))
def test_record_survives_json_and_yaml_and_names_the_same_folder(
    split, options, training, seed
) -> None:
    # The split and the options belong to a study and a network: any plain values.
    data, model = {"split": split}, {"network": "own:network", **options}
    trial = Trial("name", data, model, training, seed)
    for read in (Trial.from_json(trial.to_json()), Trial.from_yaml(trial.to_yaml())):
        assert read == trial
        assert read.folder == trial.folder


def test_folder_depends_on_every_part_of_the_record() -> None:
    trial = Trial("name", {"batch_size": 50}, {"network": "n"}, {"epochs": 3})
    others = [
        Trial("other", trial.data, trial.model, trial.training),
        trial.with_data(batch_size=20),
        trial.with_model(network="m"),
        trial.with_training(epochs=4),
        Trial(trial.name, trial.data, trial.model, trial.training, seed=1),
        trial.on_files({"train": "abc"}),
    ]
    assert len({made.folder for made in [trial, *others]}) == 7


@pytest.mark.parametrize("name", ["trial.json", "trial.yaml"])
def test_files_are_read_as_they_are_called(name, tmp_path) -> None:
    trial = Trial("name", {"batch_size": 50}, {"network": "n"}, {"epochs": 3})
    trial.write(tmp_path / name)
    assert Trial.read(tmp_path / name) == trial
    assert (tmp_path / name).read_text().startswith("{") is name.endswith("json")


def test_rate_is_set_also_where_a_trial_leaves_it_to_keras() -> None:
    plain = Trial("a", {}, {}, {"optimizer": {"name": "adam"}, "epochs": 3})
    rated = plain.with_training(optimizer={"name": "adam", "learning_rate": 1e-4})
    assert with_changes([plain], {"training.optimizer.learning_rate": 1e-4}) == [rated]
    assert with_changes([rated], {"training.optimizer.learning_rate": 1e-4}) == [rated]
    with pytest.raises(ValueError, match=r"No trial has a setting 'training\.learning_rate'"):
        with_changes([plain], {"training.learning_rate": 1e-4})


def test_numbers_of_people_are_numbers() -> None:
    text = "name: a\ndata: {}\nmodel: {}\ntraining: {optimizer: {learning_rate: 1e-4, decay: 2E5}}"
    training = Trial.from_yaml(text).training
    assert training == {"optimizer": {"learning_rate": 1e-4, "decay": 2e5}}
    assert Trial("a", {}, {}, {"unfreeze_from": "1e-4"}).to_yaml().count("'1e-4'") == 1


@pytest.mark.parametrize(
    "text", ["", "a: [", "3", "{name: 1, unknown: 2}", "!!python/object/apply:os.getcwd []"]
)
def test_what_is_no_record_in_yaml_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the record of a trial"):
        Trial.from_yaml(text)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1, "unknown": 2}', "3"])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the record of a trial"):
        Trial.from_json(text)
