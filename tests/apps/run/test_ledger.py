"""The list of finished work: what is in it after crashes, for another job, and for two processes at once."""

import json
import os
import socket

import pytest

from tsct.apps.run.ledger import differing, fingerprint, is_whole, ledger, program, read_ledger, remove_remains
from tsct.records.errors import InputError, UsageError
from tsct.records.schema import VERSION

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
    path.write_text(json.dumps({"job": JOB | schema, "pid": 1, "host": "there"}) + "\n")
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


def test_a_list_that_someone_changed_is_refused(path):
    path.write_text("nonsense\n")
    with pytest.raises(InputError, match="line 1"), ledger(path, JOB):
        pass


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
