import keras
import numpy as np
import pytest

from pykeras_tl.training.fit_function import fit
from pykeras_tl.training.optimizers.by_name import make_optimizer
from pykeras_tl.training.optimizers.learning_rate_finder import lr_find

from .test_resuming import assert_same, weights


@pytest.mark.filterwarnings("error:The structure of")
def test_it_is_a_training_at_rising_rates(make_flow, small_model):
    found = lr_find(small_model("sgd", dropout_seed=1), make_flow(), lowest=1e-4, steps=12).table
    model, flow = small_model("sgd", dropout_seed=1), make_flow()
    rates = np.geomspace(1e-4, 1, 12)
    np.testing.assert_allclose(found["learning_rate"], rates)
    average = 0.0
    for step, rate in enumerate(rates):
        model.optimizer.learning_rate = rate
        model.reset_metrics()
        loss = model.train_on_batch(*next(flow))[0]
        np.testing.assert_allclose(found["loss"][step], loss, rtol=1e-4)
        average = 0.98 * average + 0.02 * loss
        np.testing.assert_allclose(
            found["smoothed_loss"][step], average / (1 - 0.98 ** (step + 1)), rtol=1e-4
        )


def test_model_and_flow_stay_as_they_were(make_flow, small_model):
    def trained(search):
        model, flow = small_model(make_optimizer("adam", 0.01), dropout_seed=1), make_flow()
        fit(model, flow, epochs=1, verbose=0)
        if search:
            before = [np.array(each) for each in weights(model)]
            options = {"batch_augmentation": ["mixup"], "steps": 10, "highest": 100}
            lr_find(model, flow, **options)
            assert_same(weights(model), before)
            assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
        history = fit(model, flow, epochs=1, verbose=0).history
        return weights(model), history

    expected, history = trained(search=False)
    found, again = trained(search=True)
    assert again == history
    assert_same(found, expected)


def test_it_ends_where_the_loss_diverges_and_suggests_less(make_flow, small_model):
    found = lr_find(small_model("sgd"), make_flow(), lowest=1e-3, highest=1e4, steps=60)
    table = found.table
    assert len(table) < 60
    best = table["learning_rate"][table["smoothed_loss"].idxmin()]
    assert found.suggestion == pytest.approx(best / 10)
    assert 1e-3 <= found.steepest <= best
    axes = found.plot().axes[0]
    assert (axes.get_xscale(), axes.get_xlabel()) == ("log", "learning rate")


def test_schedules_and_rates_by_layer_are_no_obstacle(make_flow, small_model):
    model = small_model()
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    optimizer = make_optimizer("adamw", schedule, layer_rates=0.5, model=model)
    model.compile(optimizer, loss="categorical_crossentropy")
    assert len(lr_find(model, make_flow(), steps=10).table) == 10
    assert model.optimizer is optimizer
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lowest": 1, "highest": 0.1}, "lowest=1, highest=0.1"),
        ({"lowest": 0}, "0 < lowest"),
        ({"steps": 9}, "at least 10. Received: 9"),
    ],
)
def test_mistakes_get_an_answer(make_flow, small_model, options, says):
    with pytest.raises(ValueError, match=says):
        lr_find(small_model(), make_flow(), **options)


def test_a_model_that_was_not_compiled_is_refused(make_flow):
    model = keras.Sequential([keras.Input((48, 48, 3)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match="not compiled"):
        lr_find(model, make_flow())
