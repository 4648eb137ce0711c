"""From a question to a plan: will a shift of 0.01 angstrom be seen, and with how much beam time?

    python examples/plan_a_beamtime.py [docs/pictures/plan.png]

Forecasts the default experiment and one with more exposure and fewer states, prints what both would see, and draws the
trade-offs of the first. The story is told in docs/planning.md.
"""

import sys

from tsct.apps.run import load
from tsct.apps.studies import Plan, draw
from tsct.validation import forecast

FEWER = (
    "beamline.exposure_s=0.7",
    "slices.z_mm=[0.050]",
    "states.potentials_v=[0.50, 0.48, 0.44, 0.40, 0.36, 0.32, 0.28, 0.25, 0.22, 0.20]",
)


def planned(*overrides: str) -> Plan:
    """The plan of the default experiment with some settings changed."""
    made = load("wragg2023", overrides=overrides)
    found = forecast(made.phantom, made.beamline, made.recipe)
    return Plan(experiment=made, forecast=found, wanted_shift=0.01)


def main() -> None:
    for name, overrides in (("as published", ()), ("longer and fewer", FEWER)):
        plan = planned(*overrides)
        print(f"{name}: {plan.forecast.costs.hours:.1f} h; {' '.join(plan.advice[:2])}")
        if not overrides and len(sys.argv) > 1:
            draw(plan).savefig(sys.argv[1], dpi=90)


if __name__ == "__main__":
    main()
