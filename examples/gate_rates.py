"""How often the gate sees a planted defect, and how often it refuses a good chain.

    python examples/gate_rates.py --seeds 50 --clean 1000 --store rates.jsonl

Every seed is another sample (grains) with other counting noise. Values of all checks are added to the store, so that a
run that was stopped goes on where it was; the table of docs/gate.md is made from it with today's windows.
"""

import argparse
import json
from pathlib import Path

from tsct.validation.selftest import seed_values, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="seeds with all defects (default 2)")
    parser.add_argument("--clean", type=int, default=0, help="seeds with the good chain, those above included")
    parser.add_argument("--store", type=Path, default=Path("rates.jsonl"), help="where results are kept")
    told = parser.parse_args()
    rows = [json.loads(line) for line in told.store.read_text().splitlines()] if told.store.exists() else []
    done = {row["seed"]: len(row["defects"]) for row in rows}
    for seed in range(1, max(told.seeds, told.clean) + 1):
        damaged = seed <= told.seeds
        if seed in done and (done[seed] or not damaged):
            continue
        row = seed_values(seed, damaged=damaged)
        rows = [old for old in rows if old["seed"] != seed] + [row]
        with told.store.open("a") as store:
            store.write(json.dumps(row) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
