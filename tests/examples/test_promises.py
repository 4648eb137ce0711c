"""The page of promises: it names tests that exist, and a promise whose tests failed or were left out is not kept."""

import ast
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = runpy.run_path(str(ROOT / "examples" / "write_promises.py"))
PROMISES, Promise, Result = SCRIPT["PROMISES"], SCRIPT["Promise"], SCRIPT["Result"]


def functions(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("test", sorted({test for promise in PROMISES for test in promise.tests}))
def test_every_test_that_is_named_exists(test):
    file, _, function = test.partition("::")
    path = ROOT / "tests" / file
    assert path.exists()
    if function:
        assert function in functions(path)


def test_the_page_names_these_promises_and_tests_and_no_others():
    page = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| **")]
    assert len(rows) == len(PROMISES)
    for row, promise in zip(rows, PROMISES, strict=True):
        assert f"**{promise.title}.** {promise.words}" in row
        assert all(f"`{test}`" in row for test in promise.tests)
        assert "not measured" not in row


def test_a_promise_is_kept_only_if_all_of_its_tests_passed():
    promise = Promise(title="t", words="w", tests=("a/test_b.py::test_one", "a/test_c.py", "d"))
    passed = [
        Result("a/test_b.py::test_one[x]", "passed", {}),
        Result("a/test_c.py::test_two", "passed", {"share": "3"}),
        Result("d/test_e.py::test_three", "passed", {}),
    ]
    others = [Result("a/test_b.py::test_one_more", "failed", {}), Result("de/test_e.py::test", "failed", {})]
    assert "| 3 of 3 |" in SCRIPT["row"](promise, passed + others)
    assert "(share: 3)" in SCRIPT["row"](promise, passed)
    for end, words in (("failed", "**3 of 4**"), ("skipped", "**3 of 4** (1 skipped)")):
        assert words in SCRIPT["row"](promise, [*passed, Result("a/test_b.py::test_one[y]", end, {})])
    assert "**2 of 3** (1 skipped)" in SCRIPT["row"](promise, passed[:2])
    assert "not measured" in SCRIPT["row"](promise, others)
