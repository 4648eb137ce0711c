"""The paper's numbers beside those of this run.

Wragg, Skautvedt, Brennhagen, Geiß, Checchia and Koposov, "Tracking Lithiation of Si-Based Anodes in Real Time by Total
Scattering Computed Tomography", J. Phys. Chem. C 127, 23149 (2023).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from tsct.validation.score import Outcome, Scores
from tsct.validation.statistics.numbers import number, prose, with_unit

from .figures.figure_style import events
from .figures.plates import Sources

CITATION = "Wragg et al., J. Phys. Chem. C 127, 23149 (2023)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One observable that no check measures.

    Parameters
    ----------
    quantity, paper : str
        What it is and what the paper says.
    truth : callable
        What was put in, in words.
    recovered : callable
        What was recovered.
    remark : str
        What the comparison teaches.
    """

    quantity: str
    paper: str
    truth: Callable[[Sources], str] = lambda _: "–"
    recovered: Callable[[xr.Dataset], str] = lambda _: "–"
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One line of a table; ``answer`` says whether the paper's number is reproduced, or nothing."""

    quantity: str
    paper: str
    truth: str
    recovered: str
    remark: str
    check: str = ""
    answer: str = ""
    because: str = ""
    beside: str = ""


#: what the verdict of a check about the paper is called
ANSWERS = {"pass": "reproduced", "fail": "not reproduced", "inconclusive": "undecided", "not run": "not in this run"}


def readings(scores: Scores) -> list[Comparison]:
    """What the paper reads and a check measures, beside the truth and this run, those of the chain last."""
    quoted = [o for o in scores.outcomes if o.check.about == "paper" or o.check.paper is not None]
    return [_reading(outcome, scores) for outcome in sorted(quoted, key=lambda o: o.check.about != "paper")]


def _reading(outcome: Outcome, scores: Scores) -> Comparison:
    check, about_paper = outcome.check, outcome.check.about == "paper"
    unit = check.unit
    return Comparison(
        quantity=check.paper.quantity if check.paper else prose(check.title),
        paper=check.paper.value if check.paper else prose(check.source),
        truth=with_unit(outcome.noise_free, unit),
        recovered=with_unit(outcome.measurement.value, unit) if outcome.ran else "–",
        remark=check.paper.remark if check.paper else "",
        check=check.id,
        answer=ANSWERS[outcome.verdict] if about_paper else "",
        because=prose(scores.because(outcome)),
        beside=check.beside if outcome.verdict != "pass" and about_paper else "",
    )


def comparison(sources: Sources) -> list[Comparison]:
    """What else the paper states, beside what this run knows of it."""
    return [
        Comparison(
            quantity=row.quantity,
            paper=row.paper,
            truth=row.truth(sources),
            recovered=row.recovered(sources.recovered),
            remark=row.remark,
        )
        for row in ROWS
    ]


def _bond(sources: Sources) -> str:
    truth = sources.truth_with("silicon_distance")
    if truth is None:
        return "–"
    first, last = truth.silicon_distance.values[[0, -1]]
    return f"mean bond {first:.3f} Å" + (f" → {last:.3f} Å" if last != first else " throughout")


def _series(name: str, text: str) -> Callable[[Sources], str]:
    """First and last value of a variable of the truth along the discharge."""

    def say(sources: Sources) -> str:
        truth = sources.truth_with(name)
        if truth is None:
            return "–"
        first, last = truth[name].values[[0, -1]]
        return f"{text} {number(first)} → {number(last)}"

    return say


def _range(recovered: xr.Dataset) -> str:
    if "q" not in recovered.coords or "q_max" not in recovered.attrs:
        return "–"
    q = recovered.q.values
    return f"{q[0]:g}–{q[-1]:g} Å⁻¹, G(r) from Qmax {recovered.attrs['q_max']:g} Å⁻¹"


def _voxels(recovered: xr.Dataset) -> str:
    if "x" not in recovered.coords:
        return "–"
    slices, voxel_um = recovered.sizes.get("slice", 0), 1e3 * float(recovered.x[1] - recovered.x[0])
    return f"{slices} slice{'s' if slices != 1 else ''}, {voxel_um:.0f} µm" if slices else "–"


def _last(recovered: xr.Dataset, name: str) -> tuple[float, float] | None:
    """A fitted parameter of the last state and its error, if the differences were fitted."""
    if not {"fit", "fit_errors"} <= set(recovered) or recovered.sizes["state"] < 2:
        return None
    value, error = (float(recovered[part].sel(parameter=name).values[-1]) for part in ("fit", "fit_errors"))
    return value, error


def _moved(recovered: xr.Dataset) -> str:
    last = _last(recovered, "shift")
    if last is None:
        return "–"
    shift, error = last
    return f"{recovered.attrs['reference_distance']:.3f} Å, then {1e3 * shift:+.1f} ± {1e3 * error:.1f} mÅ".replace(
        "-", "−"
    )


def _rise(recovered: xr.Dataset) -> str:
    last = _last(recovered, "silicon_lithium")
    if last is None:
        return "–"
    value, error = last
    return f"{value:.2f} ± {error:.2f} Li neighbours per Si at the end"


def _ripple(recovered: xr.Dataset) -> str:
    if "roi_dgr" not in recovered or recovered.sizes["state"] < 2:
        return "–"
    r = recovered.r.values
    value = float(np.max(np.abs(recovered.roi_dgr.values[-1][(r >= 1.0) & (r < 1.9)])))
    return f"up to {number(value)} Å⁻² in the last dPDF"


def _overlap(recovered: xr.Dataset) -> str:
    if not {"silicon", "carbon", "roi", "roi_slice"} <= {*recovered, *recovered.attrs}:
        return "–"
    tile, inside = (
        recovered.isel(state=0).sel(slice=int(recovered.attrs["roi_slice"])),
        recovered.roi.values.astype(bool),
    )
    silicon, carbon = (tile[name].transpose("y", "x").values[inside] for name in ("silicon", "carbon"))
    if min(np.std(silicon), np.std(carbon)) == 0 or silicon.size < 3:
        return "–"
    return f"correlation {number(float(np.corrcoef(silicon, carbon)[0, 1]), 2)}"


def _region(recovered: xr.Dataset) -> str:
    if "roi" not in recovered or "roi_radius_voxels" not in recovered.attrs:
        return "–"
    return (
        f"radius {number(recovered.attrs['roi_radius_voxels'])} voxels, {int(recovered.roi.values.sum())} voxels inside"
    )


def _masses(sources: Sources) -> str:
    truth = sources.truth_with("silicon", "carbon")
    if truth is None:
        return "–"
    # atoms of silicon and of sp2 carbon (black and piston) in the middle slice, by mass
    middle = truth.isel(slice=truth.sizes["slice"] // 2)
    ratio = float(middle.silicon.sum()) * 28.085 / (float(middle.carbon.sum()) * 12.011)
    return f"Si : sp2 carbon {number(ratio, 2)} : 1 by mass in the slice"


def _potentials(sources: Sources) -> str:
    truth = sources.truth_with("silicon_distance")
    if truth is None or "potential_v" not in truth.coords:
        return "–"
    listed = ", ".join(f"{v:g}" for v in events(sources.truth))
    first, last = truth.potential_v.values[[0, -1]]
    return f"{first:.2f} → {last:.2f} V" + (f", events at {listed} V" if listed else "")


def _size(recovered: xr.Dataset) -> str:
    if "roi_dgr" not in recovered or "roi_gr" not in recovered or recovered.sizes["state"] < 2:
        return "–"
    use = recovered.r.values >= 1.9
    share = np.max(np.abs(recovered.roi_dgr.values[-1][use])) / np.max(np.abs(recovered.roi_gr.values[0][use]))
    return f"largest change {number(100 * float(share), 2)} % of the Si–Si peak"


#: every other observable of the paper that this run can speak to, in the paper's order
ROWS: tuple[Row, ...] = (
    Row(
        quantity="range of I(Q)",
        paper="0–36 Å⁻¹, no Bragg peaks",
        recovered=_range,
        remark="Ghost and lobes of the paper point to a transform that ended near 20 Å⁻¹.",
    ),
    Row(
        quantity="slices and voxels",
        paper="3 slices, 130 × 130 × 25 µm",
        recovered=lambda recovered: _voxels(recovered) if "voxel_mm" in recovered.attrs else "–",
    ),
    Row(
        quantity="overlap of the maps",
        paper="silicon and carbon do not overlap",
        recovered=_overlap,
        remark="Correlation of the two maps inside the region; rings in antiphase make it negative.",
    ),
    Row(
        quantity="region of interest",
        paper="radius 16 voxels, 3 right of and 1 below the centre",
        recovered=_region,
    ),
    Row(
        quantity="electrode",
        paper="a-Si, 20 wt% carbon black",
        truth=_masses,
        remark="Not supported as all the carbon in the beam: the four peaks need about as much sp2 carbon as silicon.",
    ),
    Row(
        quantity="potentials",
        paper="0.50 → 0.20 V, coin-cell plateaus at 0.48, 0.28 and 0.21 V",
        truth=_potentials,
    ),
    Row(
        quantity="size of the changes",
        paper="“very small”, 400 % swelling only on full lithiation",
        truth=_series("lithium_per_silicon", "Li per Si"),
        recovered=_size,
        remark="An ideal electrode takes 1.14 Li per Si down to 0.20 V and changes as much as the peak itself "
        "(scenario hatchard-dahn): little of the silicon took part.",
    ),
    Row(
        quantity="definition of the dPDF",
        paper="G(n) − G(1)",
        remark="Every difference holds the noise of the first scan: a step at the second scan that never decays is it.",
    ),
    Row(
        quantity="fitted signal",
        paper="squared intensity of the peaks",
        remark="Not supported: a square has no sign, loss at 2.25 Å and gain at 2.5 Å look alike, and noise alone "
        "gives a positive mean. Signed amplitudes are fitted here.",
    ),
    Row(
        quantity="Si–Si bond along the discharge",
        paper="“keeps moving to higher r”, no number",
        truth=_bond,
        recovered=_moved,
        remark="Signed template fit.",
    ),
    Row(
        quantity="Si–Li neighbours",
        paper="rise steeply below 0.28 V",
        truth=_series("lithium_neighbours", "Li neighbours per Si"),
        recovered=_rise,
        remark="What the fit calls Si–Li depends on where its template puts that shell.",
    ),
    Row(
        quantity="order of the second shell",
        paper="lost below 0.21 V",
        truth=_series("second_shell_loss", "lost share"),
    ),
    Row(
        quantity="dPDF below 2 Å",
        paper="truncation noise, features at 1.44 and 1.8 Å",
        recovered=_ripple,
        remark="Side lobes of the peaks above, and electrolyte that the swelling silicon displaces.",
    ),
)
