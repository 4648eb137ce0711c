"""JUnit XML: what failed, what could not be decided and what did not run are three different things."""

import math
from xml.etree import ElementTree

import pytest
import xarray as xr

from tsct.validation import Check, Measurement, score
from tsct.validation.evidence.check import NotRunError
from tsct.validation.junit import junit


def check(name, value, title="a title", **fields):
    def measure(_):
        if isinstance(value, Exception):
            raise value
        return Measurement(value=value, n=3, note="<note> & more")

    texts = {"title": title, "reason": "why", "source": "where", "unit": "%"}
    return Check(id=name, low=0.0, high=1.0, measure=measure, **texts, **fields)


def parsed(*checks):
    return ElementTree.fromstring(junit(score(xr.Dataset(), xr.Dataset(), checks=checks), seconds=1.5))


def test_every_verdict_has_its_place():
    root = parsed(check("P", 0.5), check("F", 2.0), check("I", math.nan), check("N", NotRunError("does not apply")))
    told = {name: root.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
    assert told == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1", "time": "1.500"}
    inner = {case.get("name")[0]: [child.tag for child in case] for case in root}
    assert inner == {"P": [], "F": ["failure"], "I": ["error"], "N": ["skipped"]}
    assert root.find(".//failure").get("message") == "2\u00a0%, allowed 0 … 1\u00a0% (<note> & more)"
    assert root.find(".//skipped").get("message") == "does not apply"


def test_a_reading_of_the_paper_is_no_failure():
    root = parsed(check("P", 0.5), check("F", 2.0, about="paper"), check("I", math.nan, about="paper"))
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("0", "0", "2")
    assert root.find(".//skipped").get("message").startswith("2\u00a0%, allowed 0")
    # the paper alone compares nothing with the truth
    assert parsed(check("F", 0.5, about="paper")).get("errors") == "1"


@pytest.mark.parametrize("checks", [(), (check("N", NotRunError("no")),)])
def test_nothing_compared_is_an_error(checks):
    assert parsed(*checks).get("errors") == "1"


def test_hostile_text_stays_text():
    root = parsed(check("P", 0.5, title='"/><failure/>\x00\x1b]'))
    assert len(root) == 1 and not len(root[0])
    assert root[0].get("name") == 'P "/><failure/>��]'
