import keras
import numpy as np
import pytest

from pykeras_tl.models.freezing import unfreeze_weights
from pykeras_tl.models.transfer import transfer_model
from pykeras_tl.training.fine_tuning import fine_tune
from pykeras_tl.training.losses import cross_entropy


@pytest.fixture
def folder_flow(tmp_path, write_folder):
    from pykeras_tl.images.image_data_generator import ImageDataGenerator

    write_folder(tmp_path, 16)
    return ImageDataGenerator().flow_from_directory(
        tmp_path, target_size=(48, 48), batch_size=8, seed=1
    )


@pytest.fixture
def network():
    return transfer_model(
        "mobilenet", 4, input_shape=(48, 48, 3), weights=None, alpha=0.25, dropout=0.2, seed=0
    )


def moved(model, before):
    return {
        layer.name
        for layer, weights in before.items()
        if any(not np.array_equal(new, old) for new, old in zip(layer.get_weights(), weights))
    }


def leaf_weights(model):
    return {
        layer: layer.get_weights()
        for layer in model._flatten_layers()
        if layer.weights and not isinstance(layer, keras.Model)
    }


@pytest.mark.slow
def test_head_first_then_the_backbone_s_end(network, folder_flow):
    before = leaf_weights(network)
    seen = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((moved(network, before), type(self.model.optimizer).__name__))

    history = fine_tune(
        network,
        folder_flow,
        unfreeze_from="conv_dw_13",
        epochs_head=2,
        epochs_fine=1,
        optimizer_head="adam",
        optimizer_fine="sgd",
        learning_rate_fine=0.5,
        callbacks=[Look()],
        verbose=0,
    )
    assert history.epoch == [0, 1, 2]
    assert history.phases == {"head": 0, "fine tuning": 2}
    assert seen[1] == ({"probabilities"}, "Adam")
    end, optimizer = seen[2]
    assert {"probabilities", "conv_pw_13"} <= end
    assert all(name == "probabilities" or "13" in name for name in end)
    assert optimizer == "SGD"
    assert float(network.optimizer.learning_rate) == 0.5


@pytest.mark.slow
def test_with_and_without_the_cache_it_is_the_same(folder_flow):
    histories = []
    for cache_frozen in (True, False):
        folder_flow.total_batches_seen = folder_flow.batch_index = 0
        model = transfer_model(
            "mobilenet", 4, input_shape=(48, 48, 3), weights=None, alpha=0.25, dropout=0.2, seed=0
        )
        histories.append(
            fine_tune(
                model,
                folder_flow,
                unfreeze_from="conv_dw_13",
                epochs_head=1,
                epochs_fine=2,
                optimizer_fine=keras.optimizers.SGD(1e-3),
                cache_frozen=cache_frozen,
                verbose=0,
            ).history
        )
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=1e-4)


def test_an_unknown_layer_is_found_before_training(network, folder_flow):
    state = [layer.trainable for layer in network._flatten_layers()]
    with pytest.raises(ValueError, match="block99"):
        fine_tune(network, folder_flow, unfreeze_from="block99", epochs_head=1, epochs_fine=1)
    assert folder_flow.total_batches_seen == 0
    assert [layer.trainable for layer in network._flatten_layers()] == state


def test_a_model_with_nothing_frozen_is_refused(network, folder_flow):
    unfreeze_weights(network)
    with pytest.raises(ValueError, match="No layer is frozen"):
        fine_tune(network, folder_flow, unfreeze_from="conv_dw_13", epochs_head=1, epochs_fine=1)


@pytest.mark.slow
def test_when_the_head_is_stopped_the_rest_is_not_begun(network, folder_flow):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    history = fine_tune(
        network,
        folder_flow,
        unfreeze_from="conv_dw_13",
        epochs_head=3,
        epochs_fine=3,
        callbacks=[Stop()],
        verbose=0,
    )
    assert history.stopped
    assert history.epoch == [0]
    assert history.phases == {"head": 0}


def test_the_loss_follows_the_labels(network, folder_flow):
    assert cross_entropy(folder_flow) == "categorical_crossentropy"
    folder_flow.class_mode = "raw"
    with pytest.raises(ValueError, match="`loss` is required"):
        fine_tune(network, folder_flow, unfreeze_from="conv_dw_13", epochs_head=1, epochs_fine=1)


def test_smoothed_labels_are_those_of_the_formula(folder_flow):
    labels, predicted = np.eye(4)[[0, 2]], np.full((2, 4), 0.1) + np.eye(4)[[0, 3]] * 0.6
    smooth = labels * 0.8 + 0.2 / 4
    expected = -(smooth * np.log(predicted)).sum(1).mean()
    loss = cross_entropy(folder_flow, label_smoothing=0.2)
    np.testing.assert_allclose(float(loss(labels, predicted)), expected, rtol=1e-6)
    folder_flow.class_mode = "binary"
    assert cross_entropy(folder_flow, 0.2).label_smoothing == 0.2
    folder_flow.class_mode = "sparse"
    with pytest.raises(ValueError, match='class_mode="categorical"'):
        cross_entropy(folder_flow, 0.2)
    with pytest.raises(ValueError, match="Received: 1"):
        cross_entropy(folder_flow, 1)


def test_a_run_resumes_with_the_same_smoothing_only(tmp_path, network, folder_flow):
    options = {"unfreeze_from": "conv_dw_13", "epochs_head": 1, "epochs_fine": 1, "verbose": 0}
    fine_tune(network, folder_flow, label_smoothing=0.1, run_dir=tmp_path, **options)
    assert network.loss.label_smoothing == 0.1
    folder_flow.total_batches_seen = 0
    unfreeze_weights(network, from_="probabilities")
    with pytest.raises(ValueError, match=r"the label smoothing \(0.1 then, None now\)"):
        fine_tune(network, folder_flow, run_dir=tmp_path, **options)
    with pytest.raises(ValueError, match="with the default loss"):
        fine_tune(network, folder_flow, loss="mse", label_smoothing=0.1, **options)


@pytest.mark.slow
def test_only_the_second_part_mixes_images(network, folder_flow, monkeypatch):
    from pykeras_tl.training import batch_augmentation

    seeds, augment = [], batch_augmentation.BatchAugmenter.__call__

    def record(self, images, labels, seed):
        seeds.append(seed)
        return augment(self, images, labels, seed)

    monkeypatch.setattr(batch_augmentation.BatchAugmenter, "__call__", record)
    options = {"unfreeze_from": "conv_dw_13", "epochs_head": 2, "epochs_fine": 1, "verbose": 0}
    fine_tune(network, folder_flow, batch_augmentation=["cutmix"], **options)
    assert len(seeds) == 2


def test_what_is_wrong_with_the_second_part_is_found_before_the_first(network, folder_flow):
    options = {"unfreeze_from": "conv_dw_13", "epochs_head": 1, "epochs_fine": 1, "verbose": 0}
    sgd = keras.optimizers.SGD()
    for wrong, says in [
        ({"layer_rates": {"block99": 1}}, "block99"),
        ({"optimizer_fine": sgd, "schedule": "cosine"}, "name of an optimizer with `schedule`"),
        ({"optimizer_fine": sgd, "weight_decay": 0.1}, "already a"),
        ({"schedule": "cosin"}, "Unknown schedule"),
    ]:
        with pytest.raises((ValueError, TypeError), match=says):
            fine_tune(network, folder_flow, **options, **wrong)
    assert folder_flow.total_batches_seen == 0
    assert [layer.name for layer in network.layers if layer.trainable][-1] == "probabilities"


def test_a_head_that_a_callback_takes_from_a_backup(tmp_path, make_flow, small_model):
    def train():
        model = small_model(jit_compile=False)
        model.get_layer("conv").trainable = False
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
        return fine_tune(
            *(model, make_flow(8)),
            **{"unfreeze_from": "conv", "epochs_head": 1, "epochs_fine": 1},
            **{"callbacks": [backup], "verbose": 0, "loss": "categorical_crossentropy"},
        )

    assert train().epoch == [0, 1]
    # Both parts are in the backup, so that nothing is left to train.
    assert train().epoch == []
