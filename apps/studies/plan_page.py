"""What every plan says and how it is written: costs, counts, and a page with its picture and its numbers."""

import base64
import json
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import xarray as xr
from jinja2 import Environment, StrictUndefined

from tsct.apps.run.experiment import Experiment
from tsct.records.io import replacing, write_text
from tsct.records.marks import SOFTWARE
from tsct.records.paths import writable
from tsct.simulate.beamline import Beamline
from tsct.validation.forecast import Comparison, Costs

from .budget import Fitted, Need

#: shares of the measured Q range at which counts are said
COUNTS_AT = (0.25, 0.5, 0.9)


class AnyPlan(Protocol):
    """What the page shows: of the cell or of any sample."""

    @property
    def experiment(self) -> Experiment:
        """What is planned."""

    @property
    def forecast(self) -> Any:
        """Errors that are foreseen, and ``costs``."""

    @property
    def wanted_shift(self) -> float:
        """Shift that must be seen, angstrom."""

    @property
    def comparisons(self) -> Sequence[Comparison]:
        """Forecast errors beside those of full simulations, if there were any."""

    @property
    def fitted(self) -> Fitted:
        """What was chosen to fill a beam time."""

    @property
    def need(self) -> Need:
        """Exposure that answers the question."""

    @property
    def rows(self) -> list[tuple[str, str]]:
        """What a researcher asks first, with the answers."""

    @property
    def advice(self) -> list[str]:
        """What limits the experiment, and what would help."""

    def document(self) -> dict[str, Any]:
        """The plan as plain numbers."""

    def draw(self) -> Any:
        """Trade-offs."""


def cost_rows(costs: Costs, beamline: Beamline) -> list[tuple[str, str]]:
    """Time, frames, data and dose, as every plan says them."""
    scan, dose, number = beamline.scan, costs.dose_gray, costs.tomograms
    return [
        ("beam time", f"{costs.hours:.2f} h for {number} tomograms of {costs.seconds_per_tomogram / 60:.1f} min"),
        ("frames", f"{scan.views} views × {scan.translations} translations × {number} of {beamline.exposure_s:.3g} s"),
        ("integrated data", f"{costs.gigabytes:.2f} GB"),
        ("dose", f"{dose / 1e3:.4g} kGy per tomogram, {dose * number / 1e6:.3g} MGy in all"),
    ]


def counts_row(counts: xr.DataArray) -> tuple[str, str]:
    """Counts of the central ray at shares of the measured range."""
    q = counts.q.values
    chosen = [int(np.argmin(np.abs(q - share * q[-1]))) for share in COUNTS_AT]
    return "counts per channel, central ray", ", ".join(f"{counts.values[k]:.3g} at {q[k]:.3g} 1/Å" for k in chosen)


def common_document(plan: AnyPlan) -> dict[str, Any]:
    """What every plan says as plain numbers."""
    costs = plan.forecast.costs
    return {
        "tsct": version("tsct"),
        "experiment": plan.experiment.settings.name,
        "exposure_s": plan.experiment.beamline.exposure_s,
        "hours": costs.hours,
        "gigabytes": costs.gigabytes,
        "dose_gray_per_tomogram": costs.dose_gray,
        "wanted_shift_angstrom": plan.wanted_shift,
        "advice": plan.advice,
        "chosen": {"settings": list(plan.fitted.overrides), "reasons": list(plan.fitted.reasons)},
        "verified": [
            {"name": c.name, "predicted": c.predicted, "observed": c.observed, "uncertainty": c.uncertainty}
            for c in plan.comparisons
        ],
    }


def write_plan(plan: AnyPlan, folder: Path) -> Path:
    """Write ``plan.html``, ``plan.png`` and ``plan.json`` into a folder and return the page."""
    writable(folder)
    with replacing(folder / "plan.png") as temporary:
        plan.draw().savefig(temporary, dpi=130, format="png", metadata=SOFTWARE)
    picture = base64.b64encode((folder / "plan.png").read_bytes()).decode()
    source = files("tsct.apps.studies").joinpath("plan.html.jinja").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    write_text(folder / "plan.html", template.render(plan=plan, picture=picture, name=plan.experiment.settings.name))
    write_text(folder / "plan.json", json.dumps(plan.document(), indent=1, allow_nan=False))
    return folder / "plan.html"


def finite(value: Any) -> float | None:
    """A number, or nothing where there is none."""
    return float(value) if np.isfinite(value) else None
