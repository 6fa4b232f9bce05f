import os
import subprocess
import sys
import threading
import time

import pytest

from pykeras_tl.images.threads import default_workers, parallel_for


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_each_number_once(workers):
    done = []
    parallel_for(done.append, 200, workers)
    assert sorted(done) == list(range(200))
    parallel_for(done.append, 0, workers)


def test_several_threads_take_part():
    seen = set()

    def work(number):
        seen.add(threading.current_thread())
        time.sleep(0.002)

    parallel_for(work, 40, 3)
    assert 2 <= len(seen) <= 3
    assert threading.current_thread() in seen


@pytest.mark.parametrize("workers", [1, 3])
def test_the_first_error_ends_the_work(workers):
    done = []

    def work(number):
        if number == 3:
            raise ValueError("three")
        time.sleep(0.001)
        done.append(number)

    with pytest.raises(ValueError, match="three"):
        parallel_for(work, 1000, workers)
    time.sleep(0.05)
    assert len(done) < 20


def test_it_can_be_called_in_several_threads_at_once():
    done = []
    threads = [
        threading.Thread(target=parallel_for, args=(done.append, 50, 3), daemon=True)
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(done) == 300


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    parallel_for(lambda number: None, 10, 3)
    child = os.fork()
    if child == 0:
        done = []
        parallel_for(done.append, 100, 3)
        os._exit(0 if len(done) == 100 else 1)
    for _ in range(1000):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.01)
    else:
        os.kill(child, 9)
        pytest.fail("the child hangs")
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.slow
def test_the_threads_of_opencv_stay_as_the_process_has_them(tmp_path):
    code = """
import cv2
before = cv2.getNumThreads()
import numpy as np
import pykeras_tl.images.decoding.reading
from pykeras_tl.images.duplicates.features import describe
from pykeras_tl.images.synthetic import generate_blood_cells
describe(np.zeros((600, 600, 3), np.uint8))
generate_blood_cells("cells", 2, 0, 0, size=(24, 24))
assert cv2.getNumThreads() == before, (before, cv2.getNumThreads())
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_workers_are_counted():
    assert default_workers() >= 1
