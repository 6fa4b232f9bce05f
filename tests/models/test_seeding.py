import keras
import numpy as np

from pykeras_tl.models.seeding import seed_initializers, seeded_dropout


def _dropped(seed):
    with seed_initializers(seed):
        layer = seeded_dropout(0.5)
    outputs = layer(np.ones((1, 200), "float32"), training=True)
    return keras.ops.convert_to_numpy(outputs)[0] == 0


def test_a_seed_decides_what_is_dropped():
    assert np.array_equal(_dropped(3), _dropped(3))
    assert not np.array_equal(_dropped(3), _dropped(4))
    assert 60 < _dropped(3).sum() < 140


def test_keras_s_seed_decides_it_too():
    keras.utils.set_random_seed(3)
    first = _dropped(None)
    keras.utils.set_random_seed(3)
    assert np.array_equal(first, _dropped(None))
