import keras
import numpy as np
import pytest

from pykeras_tl.models.backbones.registry import build_backbone
from pykeras_tl.models.freezing import trainable_table, unfreeze_weights
from pykeras_tl.models.heads import Head
from pykeras_tl.models.input_scaling import InputScaling, scales_input
from pykeras_tl.models.transfer import transfer_model


def small(**options):
    chosen = {"input_shape": (32, 32, 3), "weights": None, "seed": 1, "alpha": 0.25, **options}
    return transfer_model("mobilenet", 3, **chosen)


def head_layers(model):
    kinds = [type(layer).__name__ for layer in model.layers]
    return kinds[next(i for i, kind in enumerate(kinds) if kind == "Functional") + 1 :]


def test_only_the_head_trains():
    model = small(dense=(8,), dropout=0.2)
    table = trainable_table(model)
    assert set(table.loc[table["trainable"] & (table["parameters"] > 0), "layer"]) == {
        "head_dense_1",
        "probabilities",
    }
    assert head_layers(model) == ["GlobalAveragePooling2D", "Dense", "Dropout", "Dense"]
    assert scales_input(model)
    assert not model.compiled


@pytest.mark.slow
def test_scaling_is_inside_once():
    assert [type(layer) for layer in small().layers].count(InputScaling) == 1
    assert not scales_input(small(include_preprocessing=False))
    options = {"input_shape": (32, 32, 3), "weights": None}
    own = transfer_model("mobilenet_v3_small", 2, **options)
    assert scales_input(own)
    assert not any(isinstance(layer, InputScaling) for layer in own.layers)
    bare = transfer_model("mobilenet_v3_small", 2, include_preprocessing=False, **options)
    assert not scales_input(bare)


def test_equals_scaling_and_backbone_and_head_by_hand():
    model = small(head="flatten")
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    base = model.get_layer("mobilenet_0.25_32")
    features = base(keras.applications.mobilenet.preprocess_input(images.copy()), training=False)
    last = model.get_layer("probabilities")
    by_hand = last(keras.ops.reshape(features, (2, -1)))
    ours, expected = map(keras.ops.convert_to_numpy, (model(images), by_hand))
    np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A weights file as pretraining leaves one, for a backbone without download."""
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    build_backbone("mobilenet", (32, 32, 3), weights=None, alpha=0.25, seed=2).save_weights(path)
    return path


def _one_step(model):
    unfreeze_weights(model, from_="block13")
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    normalization = model.get_layer("mobilenet_0.25_32").get_layer("conv_pw_13_bn")
    before = [*map(keras.ops.convert_to_numpy, (normalization.moving_variance, normalization.beta))]
    images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3))
    model.fit(images, np.arange(8) % 3, verbose=0)
    after = [*map(keras.ops.convert_to_numpy, (normalization.moving_variance, normalization.beta))]
    return [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


@pytest.mark.slow
def test_pretrained_batch_normalization_keeps_its_statistics_when_unfrozen(pretrained):
    """`fit` would override a `training=False` of the backbone's call: keras-team/keras#20285."""
    assert _one_step(small(weights=pretrained)) == [True, False]
    assert _one_step(small(weights=None)) == [False, False]


@pytest.mark.slow
def test_pretrained_dropout_drops_nothing(tmp_path):
    path = tmp_path / "efficientnet.weights.h5"
    build_backbone("efficientnet_b0", (32, 32, 3), weights=None).save_weights(path)
    model = transfer_model("efficientnet_b0", 2, input_shape=(32, 32, 3), weights=path)
    inside = model.get_layer("efficientnetb0").layers
    rates = [layer.rate for layer in inside if isinstance(layer, keras.layers.Dropout)]
    assert len(rates) == 9
    assert set(rates) == {0.0}


def test_architecture_survives_json(pretrained):
    model = small(dense=(4,), weights=pretrained)
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    expected = keras.ops.convert_to_numpy(model(images, training=False))
    ours = keras.ops.convert_to_numpy(again(images, training=True))
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("max pooling", ["GlobalMaxPooling2D", "Dense"]),
        (
            # The head of the cats-and-dogs study.
            ["batch normalization", "flatten", "dense 512", "dropout 0.5", "dense 256"],
            ["BatchNormalization", "Flatten", "Dense", "Dropout", "Dense", "Dense"],
        ),
        (
            # That of the birds study on feature maps.
            Head(["convolution 16", "batch normalization", "average pooling"]),
            ["Conv2D", "BatchNormalization", "GlobalAveragePooling2D", "Dense"],
        ),
    ],
)
def test_heads(head, expected):
    model = small(head=head)
    assert head_layers(model) == expected
    assert model.output_shape == (None, 3)


def test_one_unit_is_a_sigmoid():
    model = transfer_model(
        "mobilenet", 1, input_shape=(32, 32, 3), weights=None, alpha=0.25, head="pooling"
    )
    assert model.get_layer("probabilities").activation is keras.activations.sigmoid


def test_seed_decides_all_weights():
    first, second, other = (small(seed=seed).get_weights() for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[-2], other[-2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"head": "pool"},
            r"Expected a step of a head out of average pooling, .* Received: 'pool'\. "
            "Did you mean 'average pooling' or 'max pooling'",
        ),
        (
            {"head": ["dense many"]},
            r"Expected an integer of at least 1 after 'dense' in a head\. Received: 'dense many'",
        ),
        ({"head": ["dense"]}, "Expected an integer of at least 1"),
        (
            {"head": ["flatten 3"]},
            r"Expected no number after 'flatten' in a head\. Received: 'flatten 3'",
        ),
        ({"dropout": 1.0}, r"Expected a fraction from 0 to below 1 .* Received: 'dropout 1\.0'"),
        ({"head": ["dense 8"]}, "Step 'dense 8' of the head needs a vector"),
        ({"head": ["flatten", "convolution 8"]}, "needs feature maps"),
        ({"head": ["convolution 8"]}, "returns feature maps of shape"),
        ({"head": ["flatten"], "dense": [8]}, "Add them to its steps"),
        ({"head": "flatten", "input_shape": (None, None, 3)}, "Pass input_shape"),
        ({"input_shape": (32, 32, 1)}, None),
    ],
)
def test_mistakes(options, message):
    if message is None:
        # One channel suits this backbone's scaling; nothing is refused that would work.
        assert small(**options).input_shape == (None, 32, 32, 1)
        return
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_classes_and_scaling_that_cannot_be():
    with pytest.raises(ValueError, match="Expected at least 2 classes"):
        transfer_model("vgg16", 1, activation="softmax", weights=None)
    with pytest.raises(ValueError, match="Unknown backbone 'vgg61'"):
        transfer_model("vgg61", 2)
    with pytest.raises(ValueError, match="needs three channels"):
        transfer_model("vgg16", 2, input_shape=(32, 32, 1), weights=None)


@pytest.mark.slow
def test_real_weights_and_images_as_keras_has_them(real_data):
    path = real_data / "weights" / "mobilenet_2_5_224_tf_no_top.h5"
    model = small(input_shape=(96, 128, 3), weights=path)
    files = sorted((real_data / "blood-cells" / "TEST_SIMPLE").rglob("*.jp*g"))[::15]
    loaded = [keras.utils.load_img(file, target_size=(96, 128)) for file in files]
    images = np.stack([keras.utils.img_to_array(image) for image in loaded])
    theirs = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=str(path), input_shape=(96, 128, 3), pooling="avg"
    )
    expected = theirs.predict(
        keras.applications.mobilenet.preprocess_input(images.copy()), verbose=0
    )
    features = keras.Model(model.input, model.get_layer("probabilities").input)
    np.testing.assert_allclose(features.predict(images, verbose=0), expected, atol=1e-4)
    assert expected.std(axis=0).max() > 0.1


def test_batch_normalization_can_be_held_in_any_model():
    from pykeras_tl.models import freeze_batch_norm

    keras.utils.set_random_seed(0)
    normalization = keras.layers.BatchNormalization(name="bn")
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), normalization, keras.layers.Dropout(0.5)]
    )
    freeze_batch_norm(model)
    model.compile("sgd", loss="mse")
    before = [np.array(weight) for weight in normalization.get_weights()]
    model.fit(np.random.default_rng(0).normal(3, 2, (16, 3)), np.ones((16, 4)), verbose=0)
    gamma, beta, mean, variance = normalization.get_weights()
    np.testing.assert_array_equal([mean, variance], before[2:])
    assert (beta != before[1]).any()
    assert (gamma != before[0]).any()
    assert model.layers[-1].rate == 0.5
