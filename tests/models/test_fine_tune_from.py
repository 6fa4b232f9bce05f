import pytest

from pykeras_tl.models.backbones.registry import get_backbone
from pykeras_tl.models.freezing import trainable_table, unfreeze_weights
from pykeras_tl.studies.catalog import cats_and_dogs, histology

FINE_TUNE_FROM = cats_and_dogs.FINE_TUNE_FROM | histology.FINE_TUNE_FROM


@pytest.mark.slow
@pytest.mark.parametrize("name", FINE_TUNE_FROM)
def test_name_stands_at_the_published_index_of_todays_list(name, built):
    layers = [layer.name for layer in built(name).layers]
    assert len(layers) == FINE_TUNE_FROM[name].layers
    assert layers[FINE_TUNE_FROM[name].index] == FINE_TUNE_FROM[name].name


def test_last_fifty_layers_of_nasnet():
    layers = histology.FINE_TUNE_FROM["nasnet_mobile"]
    assert layers.layers - layers.index == 50


# Which stage begins with the first weights behind the cut; others are cut inside a stage.
@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("efficientnet_b0", "block6"),
        ("inception_v3", "block9"),
        ("resnet50", "conv5"),
        ("vgg16", "block5"),
        ("xception", "block14"),
    ],
)
def test_cut_trains_the_weights_of_the_stages_behind_it(name, stage, built):
    model = built(name)
    first = get_backbone(name).stage_layers(model)[stage][0]
    names = [layer.name for layer in model.layers]
    unfreeze_weights(model, from_=FINE_TUNE_FROM[name].name)
    table = trainable_table(model)
    unfreeze_weights(model)
    trained = table.loc[table["trainable"] & (table["parameters"] > 0), "layer"].tolist()
    behind = set(names[names.index(first) :])
    assert trained
    assert set(trained) == {
        layer for layer in table.loc[table["parameters"] > 0, "layer"] if layer in behind
    }
