"""The page of checks is that of the checks, and every check says all that a reader needs."""

from pathlib import Path

import pytest

from tsct.validation import CHECKS
from tsct.validation.report.check_pages import checks_page

PAGE = Path(__file__).parents[3] / "docs" / "checks.md"


def test_the_page_is_made_from_the_checks():
    assert PAGE.read_text(encoding="utf-8") == checks_page(), "run python examples/write_checks_page.py"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_explains_itself(check):
    for name in ("title", "reason", "source", "unit", "power"):
        assert getattr(check, name), f"{check.id} has no {name}"
    ids = {c.id for c in CHECKS}
    assert not check.beside or (check.beside in ids and check.about == "paper")
