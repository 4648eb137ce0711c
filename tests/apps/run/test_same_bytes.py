"""Results are the same to the last byte for any number of processes and threads, and any order of the tiles."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tsct.records.io.files import read_record

RUN = """
import sys
from tests_small import quiet, tiny
from tsct.apps.run import pipeline
from tsct.validation.report import report

if __name__ == "__main__":
    report.write_report = lambda *_: None
    made = tiny("states.potentials_v=[0.50, 0.35, 0.20]")
    pipeline.run(made, pipeline.Path(sys.argv[1]), workers=int(sys.argv[2]), overwrite=False, track=quiet)
"""


def run(folder, *, workers, threads):
    """A small run in a process of its own, told to use so many threads."""
    program, small = folder / "program.py", Path(__file__).parents[1] / "small.py"
    program.write_text(RUN)
    (folder / "tests_small.py").write_text(small.read_text())
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    subprocess.run([sys.executable, program, folder / "out", str(workers)], env=environment, check=True, timeout=280)
    return folder / "out"


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_any_processes_and_threads_give_the_same_bytes(tmp_path):
    folders = []
    for workers, threads in ((1, 1), (2, 1), (1, 4)):
        folder = tmp_path / f"{workers}-{threads}"
        folder.mkdir()
        folders.append(run(folder, workers=workers, threads=threads))
    first, *others = folders
    names = sorted(str(path.relative_to(first)) for path in first.rglob("*.h5"))
    assert len(names) == 2 + 3 * 3
    for other in others:
        for name in names:
            one, two = read_record(first / name), read_record(other / name)
            assert one.identical(two), (other, name)
            for key in one.variables:
                assert np.asarray(one[key].values).tobytes() == np.asarray(two[key].values).tobytes(), (name, key)
