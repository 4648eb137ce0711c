"""What the analysis needs of a scan is read once, at the door: few functions take a whole scan."""

import runpy
from pathlib import Path

import pytest

count = runpy.run_path(str(Path(__file__).with_name("count_scan.py")))["count"]
#: half of what it was when the rooms were flat folders: 19 functions and 25 calls
MOST = 22


def test_few_functions_on_the_way_from_the_chain_take_or_pass_on_a_scan():
    takes, passes = count()
    assert {"chain", "analyze_tile", "read_tile"} <= {place.text.removeprefix("def ") for place in takes}
    assert len(takes) + len(passes) <= MOST


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ("return scan.q.values", 0),
        ("return inner(scan)", 2),
        ("return other(scan.isel(state=0).copy(), 1)", 1),
        ("return other(1, key=scan)", 1),
        ("whole = mend(scan.q)\n    return inner(whole)", 2),
        ("return other(scan.q)", 0),
    ],
)
def test_the_count(tmp_path, body, number):
    """The chain itself, and what `body` adds to it; a function that is never reached adds nothing."""
    inner = "def inner(scan):\n    return scan.q\n\n\ndef idle(scan):\n    return inner(scan)\n"
    (tmp_path / "chain.py").write_text(f"def chain(scan):\n    {body}\n\n\n{inner}")
    takes, passes = count(tmp_path)
    assert len(takes) + len(passes) == 1 + number
