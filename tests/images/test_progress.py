"""Tests of progress that a function shows."""

import functools
import threading

import pytest

from pykeras_tl.images import progress
from pykeras_tl.images.progress import progress_bar, report_progress_to
from pykeras_tl.images.threads import parallel_for


@pytest.fixture
def reports(monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_REPORTS", 0.0)
    reports = []

    def report(*state):
        assert threading.current_thread() is threading.main_thread()
        reports.append(state)

    report_progress_to(report)
    yield reports
    report_progress_to(None)


def test_reports_come_on_the_main_thread_and_at_the_end(reports):
    other = threading.Event()

    def work(number):
        # Neither thread does all: each waits until the other has begun.
        if threading.current_thread() is threading.main_thread():
            assert other.wait(10)
        else:
            other.set()
        advance(1)

    with progress_bar("Reading", 40) as advance:
        parallel_for(work, 40, workers=2)
    assert reports[-1] == ("Reading", 40, 40)
    assert [done for _, done, _ in reports] == sorted(done for _, done, _ in reports)


def test_an_interruption_in_a_report_stops_the_work(reports):
    def interrupt(*state):
        raise KeyboardInterrupt

    report_progress_to(interrupt)
    with pytest.raises(KeyboardInterrupt), progress_bar("Reading", 10) as advance:
        advance(1)


def test_work_begun_on_another_thread_is_not_reported(reports):
    def work():
        with progress_bar("Reading", 2) as advance:
            advance(2)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert not reports


def test_a_notebook_without_widgets_is_left_alone(monkeypatch, capsys, recwarn):
    notebook = functools.partial(progress.Console, force_jupyter=True)
    monkeypatch.setattr(progress, "Console", notebook)
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    with progress_bar("Reading", 2) as advance:
        advance(2)
    assert not recwarn.list
    assert capsys.readouterr() == ("", "")
