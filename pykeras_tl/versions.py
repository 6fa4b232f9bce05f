"""The versions of the packages that results depend on."""

from __future__ import annotations

from importlib import metadata

_PACKAGES = ("pykeras-tl", "keras", "tensorflow", "numpy", "opencv-python-headless")


def package_versions() -> dict[str, str]:
    """Tell the versions of this package and of those that its numbers depend on.

    Returns:
        Distribution → version, of those that are installed under that name.

    Example:
        >>> "keras" in package_versions()
        True
    """
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
