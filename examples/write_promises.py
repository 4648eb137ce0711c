"""Write docs/promises.md: what tsct promises, the tests that hold it, and how many of them passed when it was written.

Runs every test that a promise names, the long ones too (some fifteen minutes), or reads the results of such a run:

    python examples/write_promises.py
    python examples/write_promises.py --junit suite.xml campaigns.xml
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
#: record of the mutants that were run
MUTANTS = ROOT / "docs" / "mutants.jsonl"
PAGE = ROOT / "docs" / "promises.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise, and the tests that hold it: files below tests/, or functions in them."""

    title: str
    words: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How one test ended: ``passed``, ``failed`` or ``skipped``, and what it noted of itself."""

    test: str
    end: str
    notes: dict[str, str]


PROMISES = (
    Promise(
        title="Complete or refused",
        words="A file that was read is the file that was written: a disk that is full for a moment, a write that "
        "the system swallows, a lost block, a changed text, attribute, name or number is noticed, when written or when "
        "read.",
        tests=("records/io/test_seal.py", "records/io/test_disk.py"),
    ),
    Promise(
        title="A full disk is said",
        words="Exit code 5 with the path and what is missing; nothing half-written stays under the name of a result.",
        tests=("apps/run/test_full_disk.py::test_simulate", "apps/run/test_full_disk.py::test_analyze"),
    ),
    Promise(
        title="No file reads another, none runs code",
        words="Links, raw storage, virtual datasets however nested, geometries of frames: what is not in the file is "
        "not opened. No data, attribute or text grows far beyond what is stored, nor does a block when it is inflated.",
        tests=(
            "records/io/test_untrusted.py",
            "records/io/test_blocks.py",
            "records/io/test_foreign_kinds.py",
            "analyze/readers/test_hostile.py::test_a_geometry_that_names_a_file_is_refused",
            "records/io/test_trial.py::test_a_file_in_the_working_folder_is_not_run",
        ),
    ),
    Promise(
        title="Nothing hangs",
        words="Files of others are walked by a child with a limit of time and memory; 500 damaged files end in a "
        "refusal or in the data that were written, and a second signal ends what does not return.",
        tests=(
            "records/io/test_fuzz.py",
            "records/io/test_trial.py",
            "analyze/readers/test_hostile.py::test_whatever_stands_somewhere_ends_in_a_reason",
            "apps/run/test_full_disk.py::test_a_second_signal_ends_a_call_that_does_not_return",
        ),
    ),
    Promise(
        title="Refused before memory grows",
        words="Grids, dotted keys, compositions, structure files and settings that could not end are refused with a "
        "reason, whatever value stands behind any key.",
        tests=("apps/run/test_hostile.py", "apps/cli/test_cli.py::test_a_bad_experiment_is_refused_in_one_line"),
    ),
    Promise(
        title="Resumed equals uninterrupted",
        words="A job that was killed, at any signal, goes on where it was and ends in the same numbers; a damaged list "
        "of finished work costs the work that it names and no more.",
        tests=("apps/run/test_resume.py", "apps/run/test_ledger.py"),
    ),
    Promise(
        title="Same bytes",
        words="For any order of tiles and any number of processes and threads, with the same libraries on the same "
        "kind of processor: commands run linear algebra on one thread for that. In Python, where that is not set, "
        "other numbers of its threads move last digits (4e-11 of a value).",
        tests=(
            "apps/run/test_same_bytes.py",
            "apps/run/test_workers.py::test_results_do_not_depend_on_the_number_of_processes",
            "apps/run/test_cluster.py::test_a_run_is_the_same_to_the_last_byte",
            "simulate/test_scan.py::test_threads_change_nothing",
            "simulate/test_scan.py::test_the_order_of_the_tiles_changes_nothing",
        ),
    ),
    Promise(
        title="A killed worker costs its tile",
        words="Of this machine's pool or of a cluster; an item that kills its workers is named and the rest is "
        "finished; a scheduler that is not there is said in seconds, before any work.",
        tests=(
            "apps/run/test_workers.py",
            "apps/run/test_cluster.py::test_five_of_five_workers_killed_in_mid_tile_cost_only_their_tile",
            "apps/run/test_cluster.py::test_a_killed_worker_costs_its_item_and_poison_is_named",
            "apps/run/test_cluster.py::test_a_command_without_its_scheduler_ends_before_any_work",
        ),
    ),
    Promise(
        title="Nothing of yours is removed",
        words="Without `--overwrite` nothing is replaced; with it only what is marked as ours, links are not followed, "
        "and no message suggests to overwrite what is not ours.",
        tests=("apps/cli/test_overwrite.py",),
    ),
    Promise(
        title="The explorer shows to you alone",
        words="It listens on this machine only, asks for its token, shows and changes nothing, and a malformed path is "
        "a page that is not there.",
        tests=(
            "apps/explore/test_explore.py::test_only_loopback_is_listened_on",
            "apps/explore/test_explore.py::test_the_token_is_needed",
            "apps/explore/test_explore.py::test_other_hosts_are_refused",
            "apps/explore/test_explore.py::test_other_pages_are_refused",
            "apps/explore/test_explore.py::test_it_only_shows",
            "apps/explore/test_explore.py::test_a_malformed_path_is_no_page_and_no_error_of_the_server",
            "apps/explore/test_explore.py::test_names_from_files_are_text",
            "apps/run/test_cluster.py::test_everything_listens_on_this_machine_alone",
        ),
    ),
    Promise(
        title="Not measured is never a pass",
        words="A check without a number is undecided or not run, never passed; a run without a decided check does not "
        "pass, and scores hold no NaN.",
        tests=("validation/test_score.py",),
    ),
    Promise(
        title="Every end is typed",
        words="Exit codes 0 to 5 say what happened; 70 is a defect of ours.",
        tests=("apps/cli/test_cli.py",),
    ),
    Promise(
        title="Anywhere",
        words="No module uses what Windows or macOS lack, and processes are spawned, never forked.",
        tests=("test_portable.py",),
    ),
    Promise(
        title="Memory is bounded and known",
        words="The estimate that is printed first lies within 20 % of the peak, and what does not fit is refused.",
        tests=("apps/run/test_estimate.py",),
    ),
    Promise(
        title="Checks measure what they say",
        words="Every check's value is held by a closed form, another program or a planted defect, and every planted "
        "defect of the self-test is found by the check that promises to.",
        tests=("validation/checks", "validation/selftest"),
    ),
)

HEAD = """# Promises

What you may rely on, which tests hold it, and how many of them passed when this page was written: {date}, tsct
{version}, Python {python}, {system}. A promise is kept if all of its tests passed; one that was skipped counts against
it. Measure again, in a checkout with the test extra:

```console
$ python examples/write_promises.py
```

It runs the long campaigns too, which `make test` leaves to `make slow`.

| promise | kept | tests |
|---|---|---|
"""
FOOT = """
Beside these, shares that are measured and not promised:

- how many small mutations of the code the tests notice: {noticed} ([mutants](mutants.md));
- whether stated errors are as large as the scatter: [calibration](calibration.md), with the rows that are not;
- how often the gate finds a planted defect, and how often it cries wolf: [gate](gate.md).
"""


def run(log: Path) -> None:
    """Run every test that a promise names, and keep the results in `log`."""
    tests = sorted({f"tests/{test}" for promise in PROMISES for test in promise.tests})
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={log}", "--timeout=900", *tests]
    subprocess.run(command, cwd=ROOT, env=os.environ | threads, check=False)


def results(log: Path) -> list[Result]:
    """How each test of a run ended."""
    return [_result(case) for case in ElementTree.parse(log).iter("testcase")]


def _result(case: ElementTree.Element) -> Result:
    file = case.get("classname", "").removeprefix("tests.").replace(".", "/") + ".py"
    end = "passed"
    if case.find("skipped") is not None:
        end = "skipped"
    elif case.find("failure") is not None or case.find("error") is not None:
        end = "failed"
    notes = {str(note.get("name")): str(note.get("value")) for note in case.iter("property")}
    return Result(f"{file}::{case.get('name')}", end, notes)


def of(promise: Promise, ends: Sequence[Result]) -> Iterator[Result]:
    """The results of a promise's tests."""
    for result in ends:
        if any(_is_of(result.test, test) for test in promise.tests):
            yield result


def _is_of(result: str, test: str) -> bool:
    """Whether a result is that of a test that is named, or of one in the file or folder that is."""
    function = result.partition("[")[0]
    return function == test or function.startswith((f"{test}::", f"{test}/"))


def row(promise: Promise, ends: Sequence[Result]) -> str:
    """One line of the table."""
    own = list(of(promise, ends))
    # a test that left no result counts as one that did not pass
    silent = [test for test in promise.tests if not any(_is_of(result.test, test) for result in own)]
    own += [Result(test, "skipped", {}) for test in silent if own]
    passed = sum(result.end == "passed" for result in own)
    skipped = sum(result.end == "skipped" for result in own)
    kept = f"{passed} of {len(own)}" if own else "not measured"
    if own and passed < len(own):
        kept = f"**{kept}**" + (f" ({skipped} skipped)" if skipped else "")
    notes = "; ".join(f"{name}: {value}" for result in own for name, value in result.notes.items())
    tests = ", ".join(f"`{test}`" for test in promise.tests)
    return f"| **{promise.title}.** {promise.words} | {kept} | {tests}{f' ({notes})' if notes else ''} |\n"


def page(ends: Sequence[Result]) -> str:
    """The page as text."""
    head = HEAD.format(
        date=datetime.now(UTC).date(),
        version=version("tsct"),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
    )
    return head + "".join(row(promise, ends) for promise in PROMISES) + FOOT.format(noticed=noticed(MUTANTS))


def noticed(record: Path) -> str:
    """How many of the mutants in a record were killed, in words."""
    rows = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    killed, first = (
        sum(bool(row["killed_by"]) and not (row["again"] and new) for row in rows) for new in (False, True)
    )
    return f"{first} of {len(rows)} at their first meeting, {killed} since tests were written for what survived"


def main() -> None:
    """Write the page, and say which promises are not kept."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--junit", type=Path, nargs="+", help="results of earlier runs, instead of running the tests")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        logs = options.junit or [Path(folder, "promises.xml")]
        if not options.junit:
            run(logs[0])
        ends = [result for log in logs for result in results(log)]
    PAGE.write_text(page(ends), encoding="utf-8")
    broken = [result.test for promise in PROMISES for result in of(promise, ends) if result.end == "failed"]
    print(f"{PAGE}: written", *(f"failed: {test}" for test in broken), sep="\n")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
