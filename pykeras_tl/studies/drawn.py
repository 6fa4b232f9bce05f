"""Where synthetic images were before: use `pykeras_tl.studies.catalog.synthetic_images`."""

from ..deprecation import no_other_name, with_old_names

_NEW = "pykeras_tl.studies.catalog.synthetic_images"
__getattr__ = with_old_names(
    __name__,
    no_other_name,
    {
        "draw_class_folders": f"{_NEW}.generate_class_folders",
        "draw_pictures": f"{_NEW}.generate_images",
    },
)
