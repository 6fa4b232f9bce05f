import keras
import numpy as np
import pytest

from pykeras_tl.images import ImageDataGenerator
from pykeras_tl.training.batch_augmentation import (
    AugmentedBatches,
    BatchAugmenter,
    make_batch_augmenter,
)
from pykeras_tl.training.fit_function import fit

from .test_resuming import Kill, Killed, Nothing, assert_same, weights


@pytest.fixture
def batch(images):
    x, y = images
    return x[:8].astype("float32"), y[:8]


def expected_of(layer, transformation, x, y):
    """What Keras's layer makes of a batch with given random numbers."""
    made = {name: keras.ops.convert_to_tensor(each) for name, each in transformation.items()}
    return [
        keras.ops.convert_to_numpy(transform(keras.ops.convert_to_tensor(values), made))
        for transform, values in ((layer.transform_images, x), (layer.transform_labels, y))
    ]


def test_mixup_is_keras_s_and_the_formula_s(batch):
    x, y = batch
    layer = keras.layers.MixUp(alpha=0.4)
    random = np.random.default_rng(11)
    random.integers(1)
    order, part = random.permutation(8), random.beta(0.4, 0.4, 8).astype("float32")
    mixed, labels = BatchAugmenter([layer])(x, y, seed=11)
    for number, (other, share) in enumerate(zip(order, part)):
        expected = share * x[number] + (1 - share) * x[other]
        np.testing.assert_allclose(mixed[number], expected, rtol=1e-5, atol=1e-3)
        expected = share * y[number] + (1 - share) * y[other]
        np.testing.assert_allclose(labels[number], expected, rtol=1e-5, atol=1e-6)
    assert (mixed.dtype, labels.dtype) == (x.dtype, y.dtype)
    images, numbers = expected_of(layer, {"mix_weight": part, "permutation_order": order}, x, y)
    np.testing.assert_allclose(mixed, images, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(labels, numbers, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_cutmix_is_keras_s_and_pastes_rectangles(batch, seed):
    x, y = batch
    layer = keras.layers.CutMix()
    random = np.random.default_rng(seed)
    random.integers(1)
    order = random.permutation(8)
    mixed, labels = BatchAugmenter([layer])(x, y, seed=seed)
    masks = (mixed != x).any(axis=-1)
    area = []
    for number, other in enumerate(order):
        rows, columns = (np.flatnonzero(masks[number].any(axis=axis)) for axis in (1, 0))
        if rows.size:
            masks[number, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        area.append(masks[number].mean())
        if y[number] @ y[other] == 0:
            np.testing.assert_allclose(labels[number] @ y[other], area[-1], atol=1e-6)
    transformation = {
        "permutation_order": order,
        "batch_masks": np.repeat(masks[..., np.newaxis], 3, axis=-1),
        "mix_weight": 1 - np.array(area, "float32"),
    }
    images, numbers = expected_of(layer, transformation, x, y)
    np.testing.assert_array_equal(mixed, images)
    different = (y * y[order]).sum(1) == 0
    np.testing.assert_allclose(labels[different], numbers[different], atol=1e-6)
    assert (labels.sum(1) > 1 - 1e-5).all()


def test_patches_have_the_distribution_of_keras_s(batch):
    x, y = batch
    y = np.eye(8, dtype="float32")
    layer, generator = keras.layers.CutMix(), keras.random.SeedGenerator(1)
    ours, keras_s = [], []
    for seed in range(40):
        ours.append(BatchAugmenter([layer])(x, y, seed=seed)[1].diagonal())
        made = layer.get_random_transformation(x, seed=generator)
        keras_s.append(keras.ops.convert_to_numpy(made["mix_weight"]))
    quantiles = [0.25, 0.5, 0.75]
    np.testing.assert_allclose(
        np.quantile(ours, quantiles), np.quantile(keras_s, quantiles), atol=0.2
    )


@pytest.mark.parametrize(
    "layers",
    [
        ["mixup"],
        ["cutmix"],
        ["randaugment"],
        ["random_erasing"],
        ["randaugment", "mixup", "cutmix"],
    ],
)
def test_the_seed_decides(batch, layers):
    augmenter = BatchAugmenter(layers)
    once, again, other = (augmenter(*batch, seed=seed) for seed in (1, 1, 2))
    assert_same(once, again)
    assert not np.array_equal(once[0], other[0])
    assert_same(once, BatchAugmenter(layers)(*batch, seed=1))


def test_randaugment_draws_for_each_image(batch):
    x, _ = batch
    same = np.stack([x[0]] * 8)
    augmented, _ = BatchAugmenter({"randaugment": {"num_ops": 1}})(same, batch[1], seed=5)
    assert len({image.tobytes() for image in augmented}) > 5
    assert augmented.min() >= 0
    assert augmented.max() <= 255


def test_one_of_several_that_mix_is_drawn(batch):
    augmenter = BatchAugmenter(["cutmix", "mixup"])
    found = set()
    for seed in range(8):
        x, _ = augmenter(*batch, seed=seed)
        # CutMix makes no new pixels.
        found.add(np.isin(x, batch[0]).all())
    assert found == {True, False}


def test_the_number_of_threads_changes_nothing(make_flow, small_model):
    histories = []
    for workers in (1, 3):
        options = {"batch_augmentation": ["mixup"], "workers": workers, "verbose": 0}
        histories.append(fit(small_model(), make_flow(), epochs=2, **options).history)
    assert histories[0] == histories[1]
    plain = fit(small_model(), make_flow(), epochs=2, verbose=0).history
    assert plain["loss"] != histories[0]["loss"]


def test_it_trains_on_the_augmented_batches_of_the_iterator(make_flow):
    flow, twin = make_flow(), make_flow()
    augmenter = make_batch_augmenter(["mixup"], flow)
    source = AugmentedBatches(flow, augmenter)
    seeds = []
    for _ in range(7):
        spec = source.next_batch_spec()
        seeds.append(spec.seed)
        assert_same(source.compute_batch(spec), augmenter(*next(twin), spec.seed))
    assert len(set(seeds)) == 7


@pytest.mark.parametrize("seed", [3, None])
def test_a_killed_run_resumes_bit_for_bit(tmp_path, make_flow, small_model, seed):
    def run(callback, folder, state):
        flow = make_flow(seed=seed)
        if state is not None:
            flow._random.set_state(state)
        options = {"callbacks": [callback], "run_dir": folder, "verbose": 0}
        model = small_model()
        augmentation = ["mixup", "cutmix"]
        fit(model, flow, epochs=2, save_minutes=1e-9, batch_augmentation=augmentation, **options)
        return weights(model)

    state = None if seed is not None else np.random.RandomState(1).get_state()
    expected = run(Nothing(), tmp_path / "whole", state)
    with pytest.raises(Killed):
        run(Kill(1, 2), tmp_path / "killed", state)
    assert_same(run(Nothing(), tmp_path / "killed", None), expected)


def test_a_run_resumes_with_the_same_augmentation_only(tmp_path, make_flow, small_model):
    options = {"run_dir": tmp_path, "verbose": 0}
    fit(small_model(), make_flow(), batch_augmentation={"mixup": {"alpha": 0.2}}, **options)
    for other in ({"mixup": {"alpha": 0.3}}, None):
        with pytest.raises(ValueError, match="these differ: batch_augmentation"):
            fit(small_model(), make_flow(), batch_augmentation=other, **options)


def test_pixels_that_are_scaled_keep_their_range(make_flow):
    augmenter = make_batch_augmenter(["randaugment"], make_flow())
    x, _ = augmenter(*next(make_flow()), seed=0)
    assert x.max() <= 1.0 + 1e-6


def test_labels_that_cannot_be_mixed_are_refused(make_flow, images):
    x, y = images
    flow = ImageDataGenerator().flow(x, y.argmax(1))
    with pytest.raises(ValueError, match='class_mode="categorical"'):
        make_batch_augmenter(["cutmix"], flow)
    assert not make_batch_augmenter(["randaugment"], flow).mixes
    with pytest.raises(ValueError, match="with sample weights"):
        make_batch_augmenter(["mixup"], make_flow(sample_weight=np.ones(40)))


def test_mistakes_get_an_answer(small_model, images):
    with pytest.raises(ValueError, match=r"Unknown augmentation 'mixupp'.*'mixup'"):
        BatchAugmenter(["mixupp"])
    with pytest.raises(ValueError, match="Keras layers that augment images"):
        BatchAugmenter([keras.layers.Dense(2)])
    with pytest.raises(TypeError, match="With batch_augmentation, data should be an iterator"):
        fit(small_model(), *images, batch_augmentation=["mixup"])
