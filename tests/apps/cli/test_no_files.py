"""What stands where a command expects a file may be anything: it is refused in one line, and nothing hangs."""

import os
import socket

import numpy as np
import pytest
import xarray as xr

from tsct.records.io import write_records


def pipe(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def device_without_end(path):
    path.symlink_to("/dev/zero")


def end_of_a_socket(path):
    # the path of a socket may have a hundred characters
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def link_to_itself(path):
    path.symlink_to(path)


def link_to_nothing(path):
    path.symlink_to(path.with_name("absent"))


def link_to_a_pipe(path):
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


KINDS = (pipe, folder, device_without_end, end_of_a_socket, link_to_itself, link_to_nothing, link_to_a_pipe)
#: words of a command, with the name of what it reads among them
COMMANDS = {
    **{f"{name} an experiment": (name, "a.toml") for name in ("run", "simulate", "frames", "plan", "sweep")},
    "run with a cluster": ("run", "wragg2023", "--slurm", "a.toml"),
    "analyze a scan": ("analyze", "a.h5"),
    "analyze with a mapping": ("analyze", "good.h5", "--mapping", "a.toml"),
    "analyze with an experiment": ("analyze", "good.h5", "--experiment", "a.toml"),
    "validate against": ("validate", "good.h5", "--truth", "a.h5"),
    "export": ("export", "a.h5", "--format", "csv"),
    "pdf of a pattern": ("pdf", "a.xy", "--composition", "Si"),
    "pdf of a series": ("pdf", "a.h5", "--composition", "Si"),
    "pdf with a mapping": ("pdf", "good.h5", "--composition", "Si", "--mapping", "a.toml"),
    "pdf with an empty cell": ("pdf", "good.xy", "--composition", "Si", "--background", "a.xy"),
    "explore": ("explore", "a.h5"),
    "structures check": ("structures", "check", "a.extxyz"),
    "structures show": ("structures", "show", "a.extxyz"),
}


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_what_is_no_file_is_refused(tsct, tmp_path, monkeypatch, words, make):
    monkeypatch.chdir(tmp_path)
    write_records(tmp_path / "good.h5", {"recovered": xr.Dataset({"a": ("x", np.zeros(3))})})
    (tmp_path / "good.xy").write_text("".join(f"{0.1 * i} 1.0\n" for i in range(1, 300)))
    name = next(word for word in words if word.startswith("a."))
    make(tmp_path / name)
    code, out, said = tsct(*words, *(() if words[0] in ("explore", "validate", "structures") else ("-o", "out")))
    assert code in (2, 3) and out == ""
    assert said.startswith("error: ") and said.count("\n") == 1 and name in said, said
    assert not (tmp_path / "out").exists()


@pytest.mark.campaign
@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("words", [("a.h5",), ("recovered.h5", "--mapping", "a.toml")], ids=["file", "mapping"])
def test_what_is_no_result_is_refused_beside_its_truth(tsct, tmp_path, monkeypatch, small_run, words, make):
    monkeypatch.chdir(tmp_path)
    for name in ("recovered.h5", "truth.h5"):
        (tmp_path / name).symlink_to(small_run[0] / name)
    make(tmp_path / words[-1])
    code, out, said = tsct("validate", *words, "--truth", "truth.h5")
    assert code in (2, 3) and out == ""
    assert said.startswith("error: ") and said.count("\n") == 1 and words[-1] in said, said
