"""The record of mutants as a page, beside the judgements of those that no test can tell from the code."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

#: mutants that change nothing a test could see, each with its reason
JUDGED = Path(__file__).resolve().parents[1] / "docs" / "mutants_judged.toml"

HEAD = """# Mutants

How much the tests notice: small changes of the code (a sign, a factor, an exponent, a comparison, a number), drawn at
random from all that the operators of cosmic-ray make in `simulate`, `analyze` and `validation`, each run against the
tests of its own room that execute the line. The quickest come first, one at least and as many as took {seconds} s
together when they were traced; before them come the tests of files that are newer than the trace. The first that fails
kills the mutant; so does a run of more than three times as long and {spare} s, counted in seconds of the processor.
Tests marked slow, and those that only a long simulation serves, are left out, so that the shares are lower bounds.

`{pictures}` is not drawn: where a label stands or which colour a line has is for the eye, and the
tests of pictures hold that they are made and what they say, not their coordinates. What a picture shows is computed in
modules that are drawn.

```console
$ pip install cosmic-ray pytest-cov
$ python examples/mutants.py --mutants 200 --seed 1 -o docs/mutants.jsonl            # goes on where it stopped
$ python examples/mutants.py -o docs/mutants.jsonl --again                           # its survivors anew
$ python examples/mutants.py -o docs/mutants.jsonl --page docs/mutants.md
```

The goal is 90 %. A seed draws the mutants in an order of their own, which holds until the code changes; so far the
first of each have been run, as many as the table says. The survivors of each met tests that were written for them,
which hold values and not lines. What was killed at first is therefore the share of the code at large, low because only
the quickest tests were met, and where the trace was older than the tests; the second seed was a fresh sample: no test
had been written with a look at it. An equivalent mutant changes nothing that a test could see; each is listed with the
reason. On one processor a mutant took {mean:.0f} s on average.

| sample | room | run | killed at first | killed | equivalent | killed of all | killed of the others |
|---|---|---|---|---|---|---|---|
"""


def page(rows: list[dict], rooms: Sequence[str], *, seconds: float, spare: float, pictures: str) -> str:
    """The record as a page: shares of samples and rooms, and every survivor with its change."""
    judged = judgements()
    mean = sum(row["cpu_seconds"] for row in rows) / max(len(rows), 1)
    text = HEAD.format(seconds=int(seconds), spare=int(spare), pictures=pictures, mean=mean)
    for seed in sorted({row["seed"] for row in rows}):
        own = [row for row in rows if row["seed"] == seed]
        for room in rooms:
            text += share(f"seed {seed} | {room}", [row for row in own if row["path"].startswith(room)], judged)
        text += share(f"**seed {seed}** | **all**", own, judged)
    alive = [row for row in rows if not row["killed_by"]]
    text += "\n## Survivors\n\nWith a star: some tests that execute the line were left out, being too long.\n"
    text += "" if any(key(row) not in judged for row in alive) else "\nNone.\n"
    for row in alive:
        if key(row) not in judged:
            text += f"\n{change(row)}"
    text += "\n## Equivalent\n"
    for row in alive:
        if key(row) in judged:
            text += f"\n{judged[key(row)]}:\n{change(row)}"
    return text


def share(label: str, rows: list[dict], judged: dict[tuple[str, str], str]) -> str:
    """A row of the table."""
    killed = sum(bool(row["killed_by"]) for row in rows)
    first = sum(bool(row["killed_by"]) and not row["again"] for row in rows)
    same = sum(not row["killed_by"] and key(row) in judged for row in rows)
    every, other = 100 * killed / max(len(rows), 1), 100 * killed / max(len(rows) - same, 1)
    return f"| {label} | {len(rows)} | {first} | {killed} | {same} | {every:.0f} % | {other:.0f} % |\n"


def change(row: dict) -> str:
    """A mutant for the page."""
    star = " *" if row["left_out"] else ""
    lines = "\n".join(row["diff"][1:])
    return f"`{row['path']}`, line {row['line']}, {row['tests']} tests{star}\n\n```diff\n{lines}\n```\n"


def key(row: dict) -> tuple[str, str]:
    """What tells a mutant from others in the file of judgements: its file and its changed lines."""
    return row["path"], "\n".join(line[1:].strip() for line in row["diff"] if line.startswith("+"))


def judgements() -> dict[tuple[str, str], str]:
    """Reasons why no test can tell a mutant from the code, by file and changed lines."""
    entries = tomllib.loads(JUDGED.read_text(encoding="utf-8"))["equivalent"]
    return {(entry["path"], entry["change"]): entry["reason"] for entry in entries}
