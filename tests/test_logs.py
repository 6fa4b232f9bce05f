"""What programs that have no logging of their own show."""

from __future__ import annotations

import logging

import pytest

from pykeras_tl.logs import hide_log_messages, show_log_messages


def test_messages_are_shown_without_tensorflows_retracing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = logging.getLogger("pykeras_tl.somewhere"), logging.getLogger("tensorflow")
    retracing = "5 out of the last 17 calls to <function> triggered tf.function retracing."
    show_log_messages()
    try:
        ours.info("Backbone: %s.", "vgg16")
        theirs.warning(retracing)
        theirs.warning("Another matter.")
    finally:
        hide_log_messages()
    theirs.warning(retracing)
    ours.info("No longer shown.")
    assert capsys.readouterr().err == "Backbone: vgg16.\n"
    assert [each.getMessage() for each in caplog.records if each.name == "tensorflow"] == [
        "Another matter.",
        retracing,
    ]
