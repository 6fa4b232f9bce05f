"""The commands that hand a classifier on."""

import sys

import pytest

from pykeras_tl.cli import main
from pykeras_tl.deployment import service


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["pykeras-tl", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code or 0


def test_export_writes_a_file_once(classifier, tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    folder, out = classifier.save(tmp_path / "classifier"), tmp_path / "model.onnx"
    assert run(monkeypatch, "export", folder, "--out", out) == 0
    assert f"exported: {out}" in capsys.readouterr().out
    content = out.read_bytes()
    assert run(monkeypatch, "export", folder, "--out", out) == 2
    assert "already exists" in capsys.readouterr().err
    assert out.read_bytes() == content
    assert run(monkeypatch, "export", folder, "--out", tmp_path / "a", "--format", "pb") == 2
    assert "Expected a format out of 'onnx'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "app"])
def test_a_service_gets_its_limits(classifier, tmp_path, monkeypatch, command):
    given = {}
    monkeypatch.setattr(service, "serve", lambda found, **options: given.update(options))
    folder = classifier.save(tmp_path / "classifier")
    options = ["--port", 8123, "--max-files", 3, "--max-megabytes", 0.5, "--max-megapixels", 2]
    assert run(monkeypatch, command, folder, *options) == 0
    limits = given["limits"]
    assert (limits.max_files, limits.max_bytes, limits.max_pixels) == (3, 500_000, 2_000_000)
    assert (given["host"], given["port"], given["token"]) == ("127.0.0.1", 8123, None)
    assert bool(given.get("page")) == (command == "app")
