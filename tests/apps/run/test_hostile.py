"""What cannot be meant is refused in one line, before memory is taken for it."""

import subprocess
import sys

import pytest

from tsct.analyze.pdf import parse_composition
from tsct.apps.run.experiment import load
from tsct.records.errors import InputError, TsctError
from tsct.records.toml import parse_toml, read_toml

#: memory that a refusal may take, beyond what the program takes to start
MOST_BYTES = 150e6
#: runs one call and says how far it let memory grow; the peak of the system's own count, which sees every library
CHILD = """
import resource, sys
from pathlib import Path
from tsct.analyze.pdf import parse_composition
from tsct.apps.run.estimate import estimate
from tsct.apps.run.experiment import load
from tsct.apps.studies.sweep import read_sweep
from tsct.phantoms.structures import read_structure
from tsct.records.errors import TsctError
import ase.io, ase.io.extxyz

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

load("wragg2023")
before = peak()
try:
    {call}
    end = "accepted"
except TsctError as error:
    end = f"{type(error).__name__} {' '.join(str(error).split())[:300]}"
print(peak() - before, end)
"""


def refusal(call, *arguments):
    """Growth of memory in bytes and how a call in a process of its own ended."""
    words = [sys.executable, "-c", CHILD.replace("{call}", call), *map(str, arguments)]
    found = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr[-2000:]
    grown, _, end = found.stdout.strip().partition(" ")
    return float(grown), end


LOAD, SWEEP, SET = "load(sys.argv[1])", "read_sweep(Path(sys.argv[1])).designed()", "load('wragg2023', overrides=[{}])"
FIT = "estimate(load('wragg2023', overrides=[{}]), 2, analyse=True).check_memory(8.0)"
XYZ = '2\nLattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:{}\nSi 0 0 0\nSi 2 2 2\n'


@pytest.mark.parametrize(
    ("call", "name", "text", "words"),
    [
        (SWEEP, "a.toml", "[factors]\n" + "".join(f'"a.b{i}" = [1,2,3,4,5,6,7,8,9,0]\n' for i in range(9)), "points"),
        (SWEEP, "a.toml", "[factors]\nseed = { low = 1, high = 2, steps = 1000000000 }", "steps is 1000000000"),
        (SWEEP, "a.toml", "[factors]\nseed = { low = 1, high = 2, steps = 1e9 }", "steps is 1000000000"),
        (SWEEP, "a.toml", "points = 1000000000\ndesign = 'sobol'\n[factors]\nseed = [1]", "points is 1000000000"),
        (SWEEP, "a.toml", "[factors]\n" + "".join(f'"a.b{i}" = [1]\n' for i in range(20_000)), "20000 factors"),
        (LOAD, "a.toml", "a" + ".a" * 20_000 + " = 1", "line 1: a key of more than 8 names"),
        (LOAD, "a.toml", "[" + "a." * 20_000 + "a]", "line 1: a key of more than 8 names"),
        (LOAD, "a.toml", "x = {" + "'a'. " * 20_000 + "a = 1}", "line 1: a key of more than 8 names"),
        (LOAD, "a.toml", "x = " + "[" * 100_000, "not valid TOML"),
        (LOAD, "a.toml", "x = " + "{a=" * 100_000, "not valid TOML"),
        (LOAD, "a.toml", "seed = " + "9" * 900_000, "not valid TOML"),
        (LOAD, "a.toml", None, "1000000000 bytes"),
        (FIT.format("'beamline.scan.views=1e9'"), "", "", "views is 1000000000"),
        (FIT.format("'beamline.scan.views=100000', 'beamline.scan.translations=1024'"), "", "", "GB of memory"),
        (FIT.format("'analysis.r_step=1e-9'"), "", "", "r_step"),
        (FIT.format("'analysis.r_max=1e300'"), "", "", "r_step"),
        (SET.format("'beamline.scan.views=[' + '1,' * 200000 + ']'"), "", "", "views"),
        (SET.format("'a.' * 20000 + 'a=1'"), "", "", "write it as section.key=value"),
        (SET.format("'analysis.roi.polygon=[' + '[1.0,1.0],' * 20000 + ']'"), "", "", "20000 corners"),
        (SET.format("'analysis.roi.polygon=' + '[1.0,1.0],' * 200_000"), "", "", "characters"),
        ("parse_composition('Si' + '9' * 400)", "", "", "no positive numbers"),
        ("parse_composition('Si' + '9' * 10**7)", "", "", "is no formula"),
        ("read_structure(sys.argv[1])", "a.extxyz", XYZ.format(999999999), "1000000000 columns"),
        ("read_structure(sys.argv[1])", "a.extxyz", XYZ.format("3" + ":x:R:99" * 9999), "columns"),
        ("read_structure(sys.argv[1])", "a.extxyz", XYZ.format("9" * 100_000), "columns"),
    ],
)
def test_it_is_refused_before_memory_grows(tmp_path, call, name, text, words):
    path = tmp_path / name
    if text is None:
        with path.open("wb") as handle:
            handle.truncate(10**9)
    elif name:
        path.write_text(text)
    grown, end = refusal(call, path)
    assert end.startswith(("InputError", "UsageError", "ResourceError")) and words in end, end
    assert grown < MOST_BYTES


@pytest.mark.parametrize(
    "formula",
    [
        "Si\0",
        "\0",
        "Si\0O2",
        "Si1e400",
        "Si-1",
        "Si" + "9" * 310,
        "",
        " ",
        "Si(",
        "(" * 900,
        "Siλ",
        "Si\n",
        "nan",
        "Si0",
    ],
)
def test_what_is_no_composition_is_refused(formula):
    with pytest.raises(InputError, match="composition"):
        parse_composition(formula)


#: what may be given to any key by mistake or malice
VALUES = ("1e9", "-1", "nan", "-inf", "1e308", "1e-300", "0", "1" + "0" * 400, '"x"', "[]", "true", '"\\u0000"')

EVERY_KEY = """
import resource, sys, warnings
from dataclasses import fields, is_dataclass
from tsct.apps.run.estimate import estimate
from tsct.apps.run.experiment import load
from tsct.records.errors import TsctError

def keys(section, prefix=""):
    for item in fields(section):
        value = getattr(section, item.name)
        yield from keys(value, f"{prefix}{item.name}.") if is_dataclass(value) else [prefix + item.name]

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

warnings.simplefilter("ignore")
load("wragg2023")
before, tried = peak(), 0
for key in keys(load("wragg2023").settings):
    for value in sys.argv[1:]:
        tried += 1
        try:
            estimate(load("wragg2023", overrides=[f"{key}={value}"]), 2, analyse=True).check_memory(8.0)
        except TsctError:
            pass
        except BaseException as error:
            print(f"{key}={value[:20]}: {type(error).__name__} {error}"[:200])
        if peak() - before > 150e6:
            print(f"{key}={value[:20]}: memory")
            before = peak()
print(tried)
"""


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_key_takes_every_value_or_refuses_it():
    found = subprocess.run([sys.executable, "-c", EVERY_KEY, *VALUES], capture_output=True, text=True, timeout=800)
    assert found.returncode == 0, found.stderr[-2000:]
    *wrong, tried = found.stdout.splitlines()
    assert not wrong and int(tried) > 1000, "\n".join(wrong)


@pytest.mark.parametrize("name", ["experiment.toml", "cluster.toml"])
def test_an_experiment_file_that_is_damaged_is_refused(tmp_path, name):
    path = tmp_path / name
    for content in (b"\xff\xfe\0", b"seed = \0", b"seed = 1e999", b"[[seed]]", b"seed", b"= 1", b"\xed\xa0\x80 = 1"):
        path.write_bytes(content)
        with pytest.raises(TsctError, match=name):
            load(str(path))


def test_a_key_of_a_few_names_and_dots_in_strings_are_read(tmp_path):
    text = 'a.b."c.d".e = "x' + ".y" * 100 + '"\n# ' + "z." * 100 + "\nb = '''" + "q." * 100 + "'''\n"
    assert parse_toml(text, "here")["a"]["b"]["c.d"]["e"].startswith("x.y")
    with pytest.raises(InputError, match="here, line 3"):
        parse_toml("a = 1\nb = 2\nc" + ".c" * 50 + " = 3", "here")
    with pytest.raises(InputError, match="not a regular file"):
        read_toml(tmp_path)
