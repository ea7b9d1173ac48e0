"""How many threads the linear algebra of NumPy and of SciPy takes."""

import os
import subprocess
import sys
import threading

import scipy.linalg  # noqa: F401 - loads the second library
from threadpoolctl import ThreadpoolController

from luthier.numerics.blas import single_threaded


def threads():
    """Return the number of threads of each BLAS library by its file."""
    blas = ThreadpoolController().select(user_api="blas")
    return {library["filepath"]: library["num_threads"] for library in blas.info()}


def test_both_libraries_are_limited_and_released():
    before = threads()
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        with single_threaded():
            assert set(threads().values()) == {1}
            with single_threaded():
                assert set(threads().values()) == {1}
            assert set(threads().values()) == {1}
        assert set(threads().values()) == {2}
    assert threads() == before
    assert len(before) >= 1


def test_threads_that_overlap_put_back_what_was_there():
    inside, outside = threading.Event(), threading.Event()

    def second():
        with single_threaded():
            inside.set()
            outside.wait(10)

    with ThreadpoolController().limit(limits=2, user_api="blas"):
        other = threading.Thread(target=second)
        with single_threaded():
            other.start()
            assert inside.wait(10)
            assert set(threads().values()) == {1}
        outside.set()
        other.join()
        assert set(threads().values()) == {2}


def test_a_library_that_was_not_loaded_yet_is_limited_too():
    # In a process that has not loaded SciPy's BLAS when it asks for the limit.
    script = """
import numpy as np
from luthier.numerics.blas import single_threaded
with single_threaded():
    import scipy.linalg
    from threadpoolctl import threadpool_info
    found = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
print(sorted(set(found)), len(found))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "2"},
    )
    counts, libraries = done.stdout.rsplit(maxsplit=1)
    assert counts == "[1]"
    assert int(libraries) >= 1
