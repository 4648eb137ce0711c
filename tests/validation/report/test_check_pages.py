"""The page of checks is that of the checks, every check says all that a reader needs, and pages name only such."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tsct.validation import CHECKS, check_named
from tsct.validation.checks.named_phases import phase_checks
from tsct.validation.report import PLATES, checks_page
from tsct.validation.report.check_pages import anchor

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "checks.md"
#: subject.measure[of-what]; the measure is missing where the subject is one number, of-what where there is one
GRAMMAR = re.compile(r"[a-z]+(-[a-z]+)*(\.[a-z]+(-[a-z]+)*)?(\[[a-z0-9]+([-.][a-z0-9]+)*\])?")
#: pages written by hand
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_page_is_made_from_the_checks():
    assert PAGE.read_text(encoding="utf-8") == checks_page(), "run python examples/write_checks_page.py"


def test_every_row_of_the_table_has_as_many_cells():
    """A bar in a title is no border: GitHub splits at every bar that is not escaped."""
    bars = replace(CHECKS[0], title="largest |G| from 7 to 12 A")
    for page in (checks_page(), checks_page([bars])):
        rows = [line for line in page.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}
    assert r"largest \|G\| from" in checks_page([bars])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_explains_itself(check):
    for name in ("title", "reason", "source", "unit", "power"):
        assert getattr(check, name), f"{check.id} has no {name}"
    ids = {c.id for c in CHECKS}
    assert not check.beside or (check.beside in ids and check.about == "paper")
    assert GRAMMAR.fullmatch(check.id)
    assert re.fullmatch(r"A\d{1,2}[a-z]{0,2}\d?|", check.alias)
    assert check.figure in {plate.name for plate in PLATES} or check.precondition
    # what one paper reads is held to what a perfect measurement reads, or to another check
    assert check.about == "chain" or check.noise_free or check.beside or check.id.split(".")[0] in NO_CURVE


#: subjects of which a perfect measurement has no number: noise, and the structure alone
NO_CURVE = ("voxel", "structure")


def test_ids_aliases_and_places_are_told_apart():
    for names in ([c.id for c in CHECKS], [c.alias for c in CHECKS if c.alias], [anchor(c.id) for c in CHECKS]):
        assert len(set(names)) == len(names)


def test_the_evidence_of_a_map_is_that_map():
    """Checks of the intensity and of the star were once shown beside the pair distribution function."""
    for name in ("silicon", "carbon", "intensity"):
        ids = [c for c in CHECKS if c.id.startswith("map.") and c.id.endswith(f"[{name}]")]
        assert len(ids) > 5 and {c.figure for c in ids} == {f"map_{name}"}
    assert check_named("star.half-contrast[silicon]").figure == "map_silicon"


def named_in(text):
    """Names of checks in a text: ids in code, and aliases."""
    subjects = "|".join(sorted({re.split(r"[.\[]", check.id)[0] for check in CHECKS}))
    ids = re.findall(rf"`((?:{subjects})(?:\.[a-z-]+)?(?:\[[^\]`]+\])|(?:{subjects})\.[a-z-]+)`", text)
    return ids + re.findall(r"(?<![\w.&])A(?:\d{1,2})(?:[sci]\d|se|[a-h])?(?![\w,] ?\d)\b", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_name_only_checks_that_exist(page):
    if page == PAGE:
        return
    text = page.read_text(encoding="utf-8")
    known = {name for c in (*CHECKS, *phase_checks(("NAME",))) for name in (c.id, c.alias)}
    unknown = {name for name in named_in(text) if name not in known}
    # areas and volumes in square and cubic angstrom, and journals
    assert not unknown - ALLOWED, f"{page.name} names {unknown}"


#: words that look like the id of a check and are none
ALLOWED = {"pdf.py", "map.toml", "region.py"}


def test_a_name_that_does_not_exist_is_seen():
    assert named_in("fails `map.bais[silicon]` and `pdf.rw`, once A16c") == ["map.bais[silicon]", "pdf.rw", "A16c"]
