"""The list of finished work: what is in it after crashes, for another job, and for two processes at once."""

import json
import os
import socket

import numpy as np
import pytest

from tsct.apps.run.ledger import _append, differing, fingerprint, is_whole, ledger, program, read_ledger, remove_remains
from tsct.records.errors import InputError, TsctWarning, UsageError
from tsct.records.schema import VERSION
from tsct.records.seeds import generator

JOB = {"settings": "a", "program": "b"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl"


def test_work_is_remembered(path):
    with ledger(path, JOB) as done:
        done.add("one", {"x": 1})
    with ledger(path, JOB) as done:
        assert done.done == {"one": {"x": 1}}
        done.add("two", None)
    assert read_ledger(path) == (JOB | {"schema": VERSION}, {"one": {"x": 1}, "two": None})


@pytest.mark.parametrize("schema", [{}, {"schema": VERSION - 1}, {"schema": VERSION + 1}])
def test_a_job_of_another_schema_is_refused_by_name(path, schema):
    """Whatever else is the same: what an earlier or later tsct noted is not gone on with."""
    with path.open("wb") as handle:
        _append(handle, {"job": JOB | schema, "pid": 1, "host": "there"})
    assert differing(read_ledger(path)[0], JOB) == ["schema"]
    with pytest.raises(UsageError, match=r"another job \(other schema\)"), ledger(path, JOB):
        pass


def test_another_job_is_refused(path):
    with ledger(path, JOB):
        pass
    with pytest.raises(UsageError, match=r"other settings"), ledger(path, {**JOB, "settings": "c"}):
        pass


def test_a_line_cut_off_by_a_crash_is_dropped(path):
    with ledger(path, JOB) as done:
        done.add("one", 1)
    whole = path.read_bytes()
    for cut in range(1, 20):
        path.write_bytes(whole + b'{"name": "two", "value": 2}'[:cut])
        with ledger(path, JOB) as done:
            assert done.done == {"one": 1}
            done.add("three", 3)
        assert read_ledger(path)[1] == {"one": 1, "three": 3}


def test_a_list_that_does_not_say_whose_it_is_is_refused(path):
    path.write_text("nonsense\n")
    with pytest.raises(InputError, match="line 1"), ledger(path, JOB):
        pass
    assert path.read_text() == "nonsense\n"


WORK = {f"state{i:02d}_slice0": {f"tiles/state{i:02d}_slice0.h5": [1000 + i, "0f" * 32]} for i in range(12)}


def nested(depth):
    return b"[" * depth + b"]" * depth


def damaged(text, rng):
    """A list of finished work after something happened to it."""
    lines = text.splitlines(keepends=True)
    k = int(rng.integers(len(lines)))
    entry = json.loads(lines[k])
    entry[str(rng.choice([*entry]))] = [None, 7, "x", [], {}, 1e400, 10**400, True][int(rng.integers(8))]
    at, bit = int(rng.integers(len(text))), 1 << int(rng.integers(8))
    noise = rng.integers(0, 256, int(rng.integers(1, 200)), dtype=np.uint8).tobytes()
    changed = {
        "cut": text[:at],
        "flipped": text[:at] + bytes([text[at] ^ bit]) + text[at + 1 :],
        "noise": text[:at] + noise + text[at + len(noise) :],
        "zeros": text[:at] + bytes(len(noise)) + text[at + len(noise) :],
        "lost": b"".join([*lines[:k], *lines[k + 1 :]]),
        "twice": b"".join([*lines, lines[k], lines[k]]),
        "mixed": b"".join(lines[int(i)] for i in rng.permutation(len(lines))),
        "typed": b"".join([*lines[:k], json.dumps(entry).encode() + b"\n", *lines[k + 1 :]]),
        "nested": b"".join([*lines[:k], nested(100_000) + b"\n", *lines[k:]]),
        "number": b"".join([*lines[:k], b"9" * 10_000 + b"\n", *lines[k:]]),
        "joined": text[:at] + text[min(at + 40, len(text)) :],
        "all": noise,
    }
    return changed[str(rng.choice([*changed]))]


@pytest.mark.filterwarnings("ignore::tsct.records.errors.TsctWarning")
def test_of_300_damaged_lists_every_sound_line_is_kept_and_no_other(path):
    with ledger(path, JOB) as done:
        for name, value in WORK.items():
            done.add(name, value)
    whole, ends = path.read_bytes(), {"kept": 0, "refused": 0}
    for number in range(300):
        text = damaged(whole, generator(15, "ledger", number))
        path.write_bytes(text)
        intact = set(text.split(b"\n")) & set(whole.split(b"\n"))
        sound = {name: value for name, value in WORK.items() if any(f'"{name}"'.encode() in line for line in intact)}
        try:
            with ledger(path, JOB) as done:
                # a last line that only lost its end may go, too
                assert done.done.items() <= WORK.items() and len(sound) - len(done.done) in (0, 1), number
                done.add("more", 1)
            assert read_ledger(path)[1] == {**done.done, "more": 1}
            ends["kept"] += 1
        except InputError as error:
            assert str(path) in str(error) and "line 1" in str(error), number
            assert path.read_bytes() == text
            ends["refused"] += 1
    assert sum(ends.values()) == 300 and min(ends.values()) > 10, ends


def test_damaged_lines_are_named_and_their_work_is_made_again(path):
    with ledger(path, JOB) as done:
        done.add("one", 1)
        done.add("two", 2)
    path.write_bytes(path.read_bytes().replace(b'"value": 1', b'"value": 3'))
    with pytest.warns(TsctWarning, match=r"run.jsonl: damaged in line 2; .* made again"), ledger(path, JOB) as done:
        assert done.done == {"two": 2}


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused_and_does_not_hang(path, kind):
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    assert read_ledger(path) == ({}, {})
    with pytest.raises(InputError, match="not a regular file"), ledger(path, JOB):
        pass


def test_nothing_is_left_of_a_lock(path):
    with ledger(path, JOB):
        pass
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_two_at_once_are_refused(path):
    with ledger(path, JOB), pytest.raises(UsageError, match=rf"process {os.getpid()}"), ledger(path, JOB):
        pass
    with ledger(path, JOB):
        pass


def test_files_are_known_by_size_and_contents(tmp_path):
    (tmp_path / "tile").write_bytes(b"0123")
    written = fingerprint(tmp_path, ["tile"])
    assert is_whole(tmp_path, written)
    for other in (b"012", b"0124"):
        (tmp_path / "tile").write_bytes(other)
        assert not is_whole(tmp_path, written)
    (tmp_path / "tile").unlink()
    assert not is_whole(tmp_path, written)


def test_remains_of_dead_processes_are_removed(tmp_path):
    host = socket.gethostname()
    dead, mine, elsewhere = (
        tmp_path / f".a.h5.tmp-{name}" for name in (f"{host}-{2**22 + 1}", f"{host}-{os.getpid()}", "elsewhere-1")
    )
    for file in (dead, mine, elsewhere):
        file.touch()
    remove_remains(tmp_path)
    assert not dead.exists() and mine.exists() and elsewhere.exists()


def test_the_program_is_known_by_its_files():
    assert program() == program() and len(program()) == 64
