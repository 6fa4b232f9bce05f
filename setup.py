"""Makes the description that PyPI shows: the README, with links that work without the repository.

All other settings are in `pyproject.toml`.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

_ROOT = Path(__file__).parent


def _description() -> str:
    text = (_ROOT / "README.md").read_text("utf-8")
    home = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"][
        "Homepage"
    ]
    files = home.replace("github.com", "raw.githubusercontent.com")
    relative = r"\]\((?!https?:|#)"
    text = re.sub(rf"(!\[[^\]]*){relative}", rf"\1]({files}/main/", text)
    return re.sub(relative, f"]({home}/blob/main/", text)


setup(long_description=_description(), long_description_content_type="text/markdown")
