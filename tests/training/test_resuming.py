import shutil

import keras
import numpy as np
import pytest

from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.training.checkpoints import state
from pykeras_tl.training.fine_tuning import fine_tune
from pykeras_tl.training.fit_function import fit


class Killed(BaseException):
    pass


class Kill(keras.callbacks.Callback):
    """Ends training as a crash does, at an epoch's beginning or after one of its batches."""

    def __init__(self, epoch=None, batch=None, error=Killed):
        super().__init__()
        # No plain value, so that it is not taken over by a training that goes on.
        self._when = {"epoch": epoch, "batch": batch, "error": error}
        self._epoch = None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if epoch == self._when["epoch"] and self._when["batch"] is None:
            raise self._when["error"]

    def on_train_batch_begin(self, batch, logs=None):
        if (self._epoch, batch) == (self._when["epoch"], self._when["batch"]):
            raise self._when["error"]


def Nothing():
    """A callback of the same kind that does nothing."""
    return Kill()


# So often that a state is saved after each batch.
ALWAYS = 1e-9


def weights(model):
    return [np.asarray(each) for each in [*model.variables, *model.optimizer.variables]]


def assert_same(one, other):
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.fixture
def killed(tmp_path, make_flow, small_model):
    """A run of which three epochs are done."""
    with pytest.raises(Killed):
        fit(small_model(), make_flow(), epochs=5, callbacks=[Kill(3)], run_dir=tmp_path, verbose=0)
    return tmp_path


def test_it_says_that_it_resumes(killed, make_flow, small_model, caplog):
    caplog.set_level("INFO", "pykeras_tl")
    history = fit(
        small_model(), make_flow(), epochs=5, callbacks=[Nothing()], run_dir=killed, verbose=2
    )
    assert "Resuming after epoch 3" in caplog.text
    assert history.epoch == [0, 1, 2, 3, 4]
    expected = fit(small_model(), make_flow(), epochs=5, verbose=0)
    assert history.history == expected.history


@pytest.mark.slow
def test_a_run_that_is_done_trains_no_more_and_can_be_made_longer(tmp_path, make_flow, small_model):
    first = fit(small_model(), make_flow(), epochs=2, run_dir=tmp_path, verbose=0)
    model, flow = small_model(), make_flow()
    again = fit(model, flow, epochs=2, run_dir=tmp_path, verbose=0)
    assert (again.history, again.epoch) == (first.history, first.epoch)
    assert int(model.optimizer.iterations) == 10
    longer = fit(small_model(), make_flow(), epochs=3, run_dir=tmp_path, verbose=0)
    assert longer.history == fit(small_model(), make_flow(), epochs=3, verbose=0).history


CHANGES = [
    ({"flow": {"count": 32}}, "the images of training"),
    ({"flow": {"rescale": 1 / 127}}, "the images of training"),
    ({"flow": {"labels": [1, 0, 2, 3]}}, "the labels of training"),
    ({"flow": {"batch_size": 10}}, "the batches of training"),
    ({"flow": {"seed": 4}}, "the batches of training"),
    ({"flow": {"rotation_range": 5}}, "the augmentation of training"),
    ({"validation": {"count": 12}}, "the images of validation"),
    ({"model": {"optimizer": "sgd"}}, "the optimizer"),
    ({"model": {"optimizer": keras.optimizers.Adam(0.1)}}, "the optimizer's learning_rate"),
    ({"model": {"loss": "mean_squared_error"}}, "the loss"),
    ({"model": {"metrics": ["accuracy", "auc"]}}, "the metrics"),
    ({"model": {"units": 9}}, "the model's layers"),
    ({"fit": {"steps_per_epoch": 2}}, "steps_per_epoch.*5 then, 2 now"),
    ({"fit": {"validation_steps": 1}}, "validation_steps.*2 then, 1 now"),
    ({"fit": {"class_weight": {1: 2.0}}}, "class_weight"),
    ({"fit": {"cache_frozen": False}}, "cache_frozen"),
    ({"fit": {"cached_augmented_epochs": 2}}, "cached_augmented_epochs"),
    ({"fit": {"initial_epoch": 1}}, "initial_epoch"),
    ({"fit": {"callbacks": []}}, "the callbacks"),
    ({"version": "keras"}, "the version of keras"),
    ({"version": "numpy"}, "the version of numpy"),
]


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "run"


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_what_differs_is_told(begun, make_flow, small_model, monkeypatch, change, told):
    def call(change):
        model = small_model(**change.get("model", {}))
        flow = make_flow(**change.get("flow", {}))
        validation = make_flow(**{"count": 16} | change.get("validation", {}))
        options = {"epochs": 1, "callbacks": [Nothing()]} | change.get("fit", {})
        options["epochs"] += options.get("initial_epoch", 0)
        return fit(model, flow, validation_data=validation, run_dir=begun, verbose=0, **options)

    if not begun.exists():
        call({})
    if "version" in change:
        changed = {**state.package_versions(), change["version"]: "0.1"}
        monkeypatch.setattr(state, "package_versions", lambda: changed)
    before = {path: path.stat().st_mtime_ns for path in begun.rglob("*")}
    with pytest.raises(ValueError, match=f"cannot resume, since these differ: .*{told}"):
        call(change)
    assert {path: path.stat().st_mtime_ns for path in begun.rglob("*")} == before


def test_with_resume_false_it_begins_anew(killed, make_flow, small_model):
    model, flow = small_model(optimizer="sgd"), make_flow()
    assert fit(model, flow, run_dir=killed, resume=False, verbose=0).epoch == [0]


def test_resume_true_wants_a_checkpoint(tmp_path, make_flow, small_model):
    with pytest.raises(ValueError, match="no checkpoint"):
        fit(small_model(), make_flow(), run_dir=tmp_path, resume=True, verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [False, True])
def test_it_goes_on_where_the_images_were_moved(tmp_path, write_folder, small_model, frozen):
    write_folder(tmp_path / "images")

    def call(folder, callback, **run):
        flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
            tmp_path / folder, target_size=(48, 48), batch_size=8, seed=3
        )
        model = small_model()
        model.get_layer("conv").trainable = not frozen
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return fit(model, flow, epochs=3, callbacks=[callback], verbose=0, **run)

    expected = call("images", Nothing())
    with pytest.raises(Killed):
        call("images", Kill(1), run_dir=tmp_path / "run")
    shutil.copytree(tmp_path / "images", tmp_path / "moved", copy_function=shutil.copyfile)
    shutil.rmtree(tmp_path / "images")
    history = call("moved", Nothing(), run_dir=tmp_path / "run")
    assert history.history == expected.history


def test_going_on_from_the_one_before_ends_the_same(killed, make_flow, small_model):
    newest = sorted((killed / "checkpoints").iterdir())[-1]
    (newest / "arrays.npz").write_bytes(b"torn")
    with pytest.warns(UserWarning, match="damaged"):
        history = fit(
            small_model(), make_flow(), epochs=5, callbacks=[Nothing()], run_dir=killed, verbose=0
        )
    assert history.history == fit(small_model(), make_flow(), epochs=5, verbose=0).history


def test_the_last_two_are_kept(killed):
    names = sorted(folder.name for folder in (killed / "checkpoints").iterdir())
    assert names == ["epoch-000002", "epoch-000003"]


@pytest.mark.slow
def test_a_flow_without_a_seed_goes_on_too(tmp_path, make_flow, small_model):
    def flow():
        made = make_flow(seed=None)
        made._random.seed(11)
        return made

    with pytest.raises(Killed):
        fit(small_model(), flow(), epochs=4, callbacks=[Kill(2)], run_dir=tmp_path, verbose=0)
    history = fit(
        small_model(), flow(), epochs=4, callbacks=[Nothing()], run_dir=tmp_path, verbose=0
    )
    assert history.history == fit(small_model(), flow(), epochs=4, verbose=0).history


def test_arrays_have_no_run_folder(tmp_path, images, small_model):
    with pytest.raises(TypeError, match="With run_dir, data should be an iterator"):
        fit(small_model(), *images, run_dir=tmp_path, verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frozen", "options"),
    [(False, {}), (True, {"class_weight": {0: 2.0}, "steps_per_epoch": 3})],
)
def test_within_an_epoch_it_goes_on_with_the_next_batch(
    tmp_path, make_flow, small_model, caplog, frozen, options
):
    def call(callback, **run):
        model = small_model(metrics=["accuracy", keras.metrics.AUC(name="auc")])
        model.get_layer("conv").trainable = not frozen
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy", "auc"])
        validation = make_flow(count=16, seed=9)
        every = {"epochs": 3, "validation_data": validation, "callbacks": [callback]}
        return fit(model, make_flow(), **every, **options, **run), model

    with pytest.raises(Killed):
        call(Kill(1, 2), run_dir=tmp_path, save_minutes=ALWAYS, verbose=0)
    caplog.set_level("INFO", "pykeras_tl")
    history, model = call(Nothing(), run_dir=tmp_path, verbose=2)
    assert "Resuming in epoch 2 after 2 of" in caplog.text
    expected, other = call(Nothing(), verbose=0)
    assert history.history == expected.history
    assert_same(weights(model), weights(other))


@pytest.mark.slow
def test_what_counts_as_better_stays_the_same(tmp_path, make_flow, small_model):
    def call(callback, **run):
        stopping = keras.callbacks.EarlyStopping(monitor="loss", min_delta=0.1, patience=2)
        model = small_model(keras.optimizers.Adam(0.01))
        callbacks = [stopping, callback]
        return fit(model, make_flow(), epochs=20, callbacks=callbacks, verbose=0, **run)

    expected = call(Nothing())
    assert 3 < len(expected.epoch) < 20
    with pytest.raises(Killed):
        call(Kill(len(expected.epoch) - 1), run_dir=tmp_path)
    assert call(Nothing(), run_dir=tmp_path).history == expected.history


@pytest.mark.slow
def test_an_epoch_that_ends_the_training_goes_on_too(tmp_path, make_flow, small_model):
    options = {"epochs": 2, "verbose": 0}
    run = {"run_dir": tmp_path, "save_minutes": ALWAYS}
    with pytest.raises(Killed):
        fit(small_model(), make_flow(), callbacks=[Kill(1, 3)], **run, **options)
    model = small_model()
    history = fit(model, make_flow(), callbacks=[Nothing()], run_dir=tmp_path, **options)
    other = small_model()
    assert history.history == fit(other, make_flow(), **options).history
    assert_same(weights(model), weights(other))


@pytest.mark.slow
def test_a_backup_does_not_undo_what_later_callbacks_did(tmp_path, make_flow, small_model):
    # Found by the made-up session 1515: BackupAndRestore saves before ReduceLROnPlateau acts.
    def run(name, kill):
        model, backup = small_model(), keras.callbacks.BackupAndRestore(tmp_path / name / "backup")
        plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.5, min_delta=9)
        callbacks, folder = [backup, plateau, kill], tmp_path / name / "run"
        history = fit(model, make_flow(), epochs=4, callbacks=callbacks, run_dir=folder, verbose=0)
        return weights(model), history.history["learning_rate"]

    expected, rates = run("whole", Nothing())
    with pytest.raises(Killed):
        run("parts", Kill(3))
    resumed, resumed_rates = run("parts", Nothing())
    assert rates[3] < rates[2]
    assert resumed_rates == rates
    assert_same(resumed, expected)


def test_averaged_weights_take_their_place_at_the_end_only(tmp_path, make_flow, small_model):
    def model():
        return small_model(keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5))

    options = {"epochs": 3, "verbose": 0}
    run = {"run_dir": tmp_path, "save_minutes": ALWAYS}
    with pytest.raises(Killed):
        fit(model(), make_flow(), callbacks=[Kill(1, 3)], **run, **options)
    one = model()
    fit(one, make_flow(), callbacks=[Nothing()], run_dir=tmp_path, **options)
    other = model()
    fit(other, make_flow(), **options)
    assert_same(weights(one), weights(other))


@pytest.mark.slow
def test_a_fine_tuning_goes_on_within_its_second_part(tmp_path, make_flow, small_model):
    def call(callback, **run):
        model = small_model()
        model.get_layer("conv").trainable = False
        callbacks = [
            callback,
            keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=1),
        ]
        history = fine_tune(
            model,
            make_flow(),
            unfreeze_from="conv",
            epochs_head=2,
            epochs_fine=2,
            loss="categorical_crossentropy",
            callbacks=callbacks,
            verbose=0,
            **run,
        )
        return history, model

    with pytest.raises(Killed):
        call(Kill(3, 2), run_dir=tmp_path, save_minutes=ALWAYS)
    history, model = call(Nothing(), run_dir=tmp_path)
    expected, other = call(Nothing())
    assert (history.history, history.phases) == (expected.history, expected.phases)
    assert_same(weights(model), weights(other))


@pytest.mark.slow
def test_a_run_that_is_done_leaves_its_flows_where_it_left_them(tmp_path, make_flow, small_model):
    def places(model):
        flows = make_flow(), make_flow(seed=4)
        every = {"epochs": 2, "validation_data": flows[1], "run_dir": tmp_path, "verbose": 0}
        fit(model, flows[0], **every)
        return [(flow.total_batches_seen, flow.batch_index) for flow in flows]

    # A later run on the same flows, such as a fine tuning's second part, begins there.
    assert places(small_model()) == places(small_model()) == [(10, 0), (10, 0)]


@pytest.mark.slow
@pytest.mark.parametrize("passes", [None, 2])
def test_augmented_flows_without_a_seed_go_on_too(tmp_path, make_flow, small_model, passes):
    def call(callback, seed, **run):
        flow = make_flow(seed=None, rotation_range=20)
        flow._random.seed(seed)
        model = small_model()
        model.get_layer("conv").trainable = False
        model.compile("adam", "categorical_crossentropy")
        every = {
            "epochs": 4,
            "cached_augmented_epochs": passes,
            "callbacks": [callback],
            "verbose": 0,
        }
        return fit(model, flow, **every, **run), model

    with pytest.raises(Killed):
        call(Kill(2, 2), 11, run_dir=tmp_path, save_minutes=ALWAYS)
    # A flow made anew begins elsewhere; the run takes it to where it had begun.
    history, model = call(Nothing(), 12, run_dir=tmp_path)
    expected, other = call(Nothing(), 11)
    assert history.history == expected.history
    assert_same(weights(model), weights(other))


class Collector(keras.callbacks.Callback):
    """A user's callback that remembers what it saw, and lowers the rate where epochs begin."""

    def __init__(self):
        super().__init__()
        self.seen = {}
        self.pairs = [(0, np.zeros(2))]

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.model.optimizer.learning_rate *= 0.5

    def on_train_batch_end(self, batch, logs=None):
        self.seen[self.epoch, batch] = logs["loss"]
        self.pairs.append((batch, np.full(2, logs["loss"])))


@pytest.mark.slow
def test_a_callback_keeps_what_it_has_gathered(tmp_path, make_flow, small_model):
    collectors = [Collector(), Collector(), Collector()]
    options = {"epochs": 3, "verbose": 0}
    run = {"run_dir": tmp_path, "save_minutes": ALWAYS}
    with pytest.raises(Killed):
        fit(small_model(), make_flow(), callbacks=[collectors[0], Kill(1, 3)], **run, **options)
    callbacks = [collectors[1], Nothing()]
    fit(small_model(), make_flow(), callbacks=callbacks, run_dir=tmp_path, **options)
    fit(small_model(), make_flow(), callbacks=[collectors[2]], **options)
    assert collectors[1].seen == collectors[2].seen
    assert len(collectors[1].seen) == 15
    for one, other in zip(collectors[1].pairs, collectors[2].pairs, strict=True):
        assert one[0] == other[0]
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.slow
def test_a_log_has_each_epoch_once(tmp_path, make_flow, small_model):
    def call(name, callback, **run):
        logger = keras.callbacks.CSVLogger(tmp_path / name)
        every = {"epochs": 4, "callbacks": [logger, callback], "verbose": 0}
        fit(small_model(), make_flow(), **every, **run)
        return (tmp_path / name).read_text()

    class KillAfterTheLog(Kill):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == self._when["epoch"]:
                raise Killed

        on_epoch_begin = keras.callbacks.Callback.on_epoch_begin

    KillAfterTheLog.__name__ = "Kill"
    with pytest.raises(Killed):
        call("log.csv", KillAfterTheLog(2), run_dir=tmp_path / "run")
    assert call("log.csv", Nothing(), run_dir=tmp_path / "run") == call("other.csv", Nothing())


@pytest.mark.slow
def test_after_ctrl_c_the_same_call_goes_on_in_the_same_session(tmp_path, make_flow, small_model):
    def objects(*callbacks):
        plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=1)
        return small_model(), make_flow(), [plateau, *callbacks]

    model, flow, callbacks = objects(Kill(3, 2, KeyboardInterrupt))
    options = {"epochs": 5, "verbose": 0}
    history = fit(model, flow, callbacks=callbacks, run_dir=tmp_path, **options)
    assert history.stopped
    assert history.epoch == [0, 1, 2]
    assert model.predict(next(flow)[0], verbose=0).shape == (8, 4)
    callbacks[-1]._when["epoch"] = None
    # The rate was lowered meanwhile, and the flow stands elsewhere.
    history = fit(model, flow, callbacks=callbacks, run_dir=tmp_path, **options)
    other, flow, callbacks = objects(Nothing())
    expected = fit(other, flow, callbacks=callbacks, **options)
    assert not history.stopped
    assert history.history == expected.history
    assert_same(weights(model), weights(other))


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [2, 4])
def test_after_ctrl_c_a_fine_tuning_goes_on_in_the_same_session(
    tmp_path, make_flow, small_model, epoch
):
    def call(model, flow, callbacks, **run):
        parts = {"unfreeze_from": "conv", "epochs_head": 2, "epochs_fine": 3}
        loss = "categorical_crossentropy"
        return fine_tune(model, flow, loss=loss, callbacks=callbacks, verbose=0, **parts, **run)

    def objects(callback):
        model = small_model()
        model.get_layer("conv").trainable = False
        plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=1)
        return model, make_flow(), [plateau, callback]

    model, flow, callbacks = objects(Kill(epoch, 2, KeyboardInterrupt))
    first = call(model, flow, callbacks, run_dir=tmp_path)
    assert first.stopped
    assert first.epoch == list(range(epoch))
    callbacks[-1]._when["epoch"] = None
    history = call(model, flow, callbacks, run_dir=tmp_path)
    other, *rest = objects(Nothing())
    assert history.history == call(other, *rest).history
    assert_same(weights(model), weights(other))


@pytest.mark.slow
def test_a_run_that_cannot_be_saved_is_trained_all_the_same(
    tmp_path, make_flow, small_model, monkeypatch
):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    expected = fit(small_model(), make_flow(), epochs=2, verbose=0)
    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(UserWarning, match=r"after epoch 1, batch 0 could not be saved.*No space"):
        history = fit(small_model(), make_flow(), epochs=2, run_dir=tmp_path, verbose=0)
    assert history.history == expected.history


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_minutes_below_zero(tmp_path, make_flow, small_model, minutes):
    with pytest.raises(ValueError, match="save_minutes should be above 0"):
        fit(small_model(), make_flow(), run_dir=tmp_path, save_minutes=minutes)
