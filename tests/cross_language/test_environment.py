"""R in this process leaves the environment of later child processes alone."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any


def test_a_child_process_imports_the_ssl_module(r: Any) -> None:
    # It fails where the child loads the libpython that R's library path leads to.
    child = subprocess.run(
        [sys.executable, "-c", "import ssl, keras"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in child.stdout + child.stderr
