"""Fixtures with which `pytest` in any repository gates an analysis chain.

Pytest finds them once tsct is installed. Nothing of tsct is imported until a test asks for one::

    def test_my_chain(tsct_gate):
        tsct_gate(my_chain)        # fails with every check that my_chain(scan) does not pass
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tsct.validation import Case, Chain, Scores


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("tsct", "gate for total-scattering tomography").addoption(
        "--tsct-case",
        metavar="DIR",
        help="folder that `tsct simulate` wrote: scan and truth for the fixture tsct_case, which otherwise simulates a "
        "small one in some ten seconds",
    )


@pytest.fixture(scope="session")
def tsct_case(request: pytest.FixtureRequest) -> "Case":
    """A scan with its truth: that of ``--tsct-case``, or a small one without faults."""
    from tsct.validation import read_case, small_case

    folder = request.config.getoption("--tsct-case")
    return read_case(folder) if folder else small_case()


@pytest.fixture(scope="session")
def tsct_gate(tsct_case: "Case") -> "Callable[[Chain], Scores]":
    """Call it with a chain: it runs on the scan of :func:`tsct_case` and must pass; returns the scores."""

    def run(chain: "Chain", **choices: Any) -> "Scores":
        from tsct.validation import assert_passes, gate

        scores = gate(chain, tsct_case, **choices)
        assert_passes(scores)
        return scores

    return run
