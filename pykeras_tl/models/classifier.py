"""Where `Classifier` was before: use `pykeras_tl.models`."""

from ..deprecation import no_other_name, with_old_names

__getattr__ = with_old_names(
    __name__,
    no_other_name,
    {
        "Classifier": "pykeras_tl.models.Classifier",
        "load_classifier": "pykeras_tl.models.load_classifier",
    },
)
