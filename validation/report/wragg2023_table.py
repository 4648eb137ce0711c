"""The paper's numbers beside those of this run.

Wragg, Skautvedt, Brennhagen, Geiß, Checchia and Koposov, "Tracking Lithiation of Si-Based Anodes in Real Time by Total
Scattering Computed Tomography", J. Phys. Chem. C 127, 23149 (2023).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from tsct.analyze.pdf import between, extremum
from tsct.validation.checks.termination_ghost import AROUND_20, ghost
from tsct.validation.score import Outcome, Scores
from tsct.validation.statistics.numbers import number, with_unit

from .figure_style import events
from .figures import Sources

CITATION = "Wragg et al., J. Phys. Chem. C 127, 23149 (2023)"
#: says in words what was put in
Truth = Callable[[Sources], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One observable.

    Parameters
    ----------
    quantity, paper : str
        What it is and what the paper says.
    check : str
        The check that measured it, or nothing.
    truth : callable
        What was put in, or what a perfect measurement of it would show.
    found : callable
        What was recovered, where no check measures it.
    remark : str
        What the comparison teaches.
    """

    quantity: str
    paper: str
    check: str = ""
    truth: Truth = lambda _: "–"
    found: Callable[[xr.Dataset], str] = lambda _: "–"
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One line of the table."""

    quantity: str
    paper: str
    truth: str
    found: str
    verdict: str
    remark: str


def comparison(scores: Scores, sources: Sources) -> list[Comparison]:
    """All observables of the paper, with what this run knows of them."""
    outcomes = {outcome.check.id: outcome for outcome in scores.outcomes}
    return [
        Comparison(
            quantity=row.quantity,
            paper=row.paper,
            truth=row.truth(sources),
            found=_found(row, outcomes.get(row.check), sources.found),
            verdict=outcomes[row.check].verdict if row.check in outcomes else "",
            remark=row.remark,
        )
        for row in ROWS
    ]


def _found(row: Row, outcome: Outcome | None, found: xr.Dataset) -> str:
    if not row.check:
        return row.found(found)
    if outcome is None or outcome.verdict == "not run":
        return "not in this run"
    return with_unit(outcome.measurement.value, outcome.check.unit)


def _event(which: int) -> Truth:
    return lambda sources: f"{events(sources.truth)[which]:g} V" if events(sources.truth) else "–"


def _peak(low: float, high: float) -> Truth:
    """Where a perfect measurement, truncated as the data were, has its peak."""

    def say(sources: Sources) -> str:
        if sources.region is None:
            return "–"
        position, _ = extremum(sources.region.r.values, sources.region.gr.values, low, high, 1.0)
        return f"peak at {with_unit(position, 'angstrom')} without noise" if np.isfinite(position) else "no peak"

    return say


def _ghost(sources: Sources) -> str:
    if sources.region is None:
        return "–"
    position, _ = ghost(sources.region.r.values, sources.region.gr.values, AROUND_20)
    return f"peak at {with_unit(position, 'angstrom')} without noise" if np.isfinite(position) else "no peak"


def _order(sources: Sources) -> str:
    """The number of check A7 for a perfect measurement."""
    if sources.region is None:
        return "–"
    r, gr = sources.region.r.values, sources.region.gr.values
    far = gr[between(r, (7.0, 12.0))]
    return f"{number(np.max(np.abs(far)) / np.interp(2.4, r, gr))} without noise" if far.size else "–"


def _bond(sources: Sources) -> str:
    truth = sources.truth_with("silicon_distance")
    if truth is None:
        return "–"
    first, last = truth.silicon_distance.values[[0, -1]]
    return f"mean bond {first:.3f} Å" + (f" → {last:.3f} Å" if last != first else " throughout")


def _series(name: str, text: str) -> Truth:
    """First and last value of a variable of the truth along the discharge."""

    def say(sources: Sources) -> str:
        truth = sources.truth_with(name)
        if truth is None:
            return "–"
        first, last = truth[name].values[[0, -1]]
        return f"{text} {number(first)} → {number(last)}"

    return say


def _range(found: xr.Dataset) -> str:
    if "q" not in found.coords or "q_max" not in found.attrs:
        return "–"
    q = found.q.values
    return f"{q[0]:g}–{q[-1]:g} Å⁻¹, G(r) from Qmax {found.attrs['q_max']:g} Å⁻¹"


def _voxels(found: xr.Dataset) -> str:
    if "x" not in found.coords:
        return "–"
    slices, voxel_um = found.sizes.get("slice", 0), 1e3 * float(found.x[1] - found.x[0])
    return f"{slices} slice{'s' if slices != 1 else ''}, {voxel_um:.0f} µm" if slices else "–"


def _last(found: xr.Dataset, name: str) -> tuple[float, float] | None:
    """A fitted parameter of the last state and its error, if the differences were fitted."""
    if not {"fit", "fit_errors"} <= set(found) or found.sizes["state"] < 2:
        return None
    value, error = (float(found[part].sel(parameter=name).values[-1]) for part in ("fit", "fit_errors"))
    return value, error


def _moved(found: xr.Dataset) -> str:
    last = _last(found, "shift")
    if last is None:
        return "–"
    shift, error = last
    return f"{found.attrs['reference_distance']:.3f} Å, then {1e3 * shift:+.1f} ± {1e3 * error:.1f} mÅ".replace(
        "-", "−"
    )


def _rise(found: xr.Dataset) -> str:
    last = _last(found, "silicon_lithium")
    if last is None:
        return "–"
    value, error = last
    return f"{value:.2f} ± {error:.2f} Li neighbours per Si at the end"


def _ripple(found: xr.Dataset) -> str:
    if "roi_dgr" not in found or found.sizes["state"] < 2:
        return "–"
    r = found.r.values
    value = float(np.max(np.abs(found.roi_dgr.values[-1][(r >= 1.0) & (r < 1.9)])))
    return f"up to {number(value)} Å⁻² in the last dPDF"


def _overlap(found: xr.Dataset) -> str:
    if not {"silicon", "carbon", "roi", "roi_slice"} <= {*found, *found.attrs}:
        return "–"
    tile, inside = found.isel(state=0).sel(slice=int(found.attrs["roi_slice"])), found.roi.values.astype(bool)
    silicon, carbon = (tile[name].transpose("y", "x").values[inside] for name in ("silicon", "carbon"))
    if min(np.std(silicon), np.std(carbon)) == 0 or silicon.size < 3:
        return "–"
    return f"correlation {number(float(np.corrcoef(silicon, carbon)[0, 1]), 2)}"


def _region(found: xr.Dataset) -> str:
    if "roi" not in found or "roi_radius_voxels" not in found.attrs:
        return "–"
    return f"radius {number(found.attrs['roi_radius_voxels'])} voxels, {int(found.roi.values.sum())} voxels inside"


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
    told = ", ".join(f"{v:g}" for v in events(sources.truth))
    first, last = truth.potential_v.values[[0, -1]]
    return f"{first:.2f} → {last:.2f} V" + (f", events at {told} V" if told else "")


def _size(found: xr.Dataset) -> str:
    if "roi_dgr" not in found or "roi_gr" not in found or found.sizes["state"] < 2:
        return "–"
    use = found.r.values >= 1.9
    share = np.max(np.abs(found.roi_dgr.values[-1][use])) / np.max(np.abs(found.roi_gr.values[0][use]))
    return f"largest change {number(100 * float(share), 2)} % of the Si–Si peak"


#: every observable of the paper that this run can speak to, in the paper's order
ROWS: tuple[Row, ...] = (
    Row(
        quantity="range of I(Q)",
        paper="0–36 Å⁻¹, no Bragg peaks",
        found=_range,
        remark="Ghost and lobes of the paper point to a transform that ended near 20 Å⁻¹.",
    ),
    Row(
        quantity="slices and voxels",
        paper="3 slices, 130 × 130 × 25 µm",
        found=lambda found: _voxels(found) if "voxel_mm" in found.attrs else "–",
    ),
    Row(
        quantity="C–C peak",
        paper="1.45 Å",
        check="A3",
        truth=_peak(1.25, 1.60),
        remark="Graphene has 1.42 Å.",
    ),
    Row(
        quantity="Si–Si peak",
        paper="2.40 Å",
        check="A1",
        truth=_peak(2.2, 2.6),
        remark="Carbon pairs at 2.46 Å lie under it and pull it up: pure amorphous silicon has 2.35 Å.",
    ),
    Row(quantity="second Si shell", paper="3.80 Å", check="A4", truth=_peak(3.6, 4.0)),
    Row(
        quantity="peak read as third Si shell",
        paper="4.20 Å",
        check="A4b",
        truth=_peak(4.05, 4.45),
        remark="Not supported: pure amorphous silicon has no maximum there (its third shell is broad, at 5.8 Å); "
        "graphene pairs at 4.26 Å make it.",
    ),
    Row(
        quantity="truncation ghost",
        paper="1.0 Å",
        check="A5",
        truth=_ghost,
        remark="It moves with Qmax, bonds do not.",
    ),
    Row(
        quantity="order at long distance",
        paper="no visible peak above 6 Å",
        check="A7",
        truth=_order,
        remark="Largest |G| between 7 and 12 Å over the Si–Si peak.",
    ),
    Row(
        quantity="Si–Si peak in single voxels",
        paper="obvious",
        check="A6",
        remark="Height over its error, in nineteen of twenty voxels at least this.",
    ),
    Row(quantity="C–C peak in single voxels", paper="obvious", check="A6b", remark="Likewise."),
    Row(
        quantity="silicon map",
        paper="rings, richer in the centre and near the separator",
        check="A11s1",
        remark="Correlation with the truth.",
    ),
    Row(quantity="carbon map", paper="rings", check="A11c1", remark="Likewise."),
    Row(
        quantity="carbon in the lower half, bottom slice",
        paper="very high: clipped piston",
        check="A14",
        remark="95th percentile of the lower over the median of the upper half.",
    ),
    Row(
        quantity="overlap of the maps",
        paper="silicon and carbon do not overlap",
        found=_overlap,
        remark="Correlation of the two maps inside the region; rings in antiphase make it negative.",
    ),
    Row(
        quantity="region of interest",
        paper="radius 16 voxels, 3 right of and 1 below the centre",
        found=_region,
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
        found=_size,
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
        quantity="loss in the dPDF",
        paper="2.25 Å",
        check="A8",
        truth=_bond,
        remark="Not supported as a bond length: lobes of a moving peak lie one peak width to either side of the bond.",
    ),
    Row(quantity="gain in the dPDF", paper="2.5 Å", check="A8b", truth=_bond, remark="Likewise."),
    Row(
        quantity="Si–Si bond along the discharge",
        paper="“keeps moving to higher r”, no number",
        truth=_bond,
        found=_moved,
        remark="Signed template fit.",
    ),
    Row(
        quantity="Si–Li",
        paper="peak at 2.8 Å rises steeply below 0.28 V",
        truth=_series("lithium_neighbours", "Li neighbours per Si"),
        found=_rise,
        remark="What the fit calls Si–Li depends on where its template puts that shell.",
    ),
    Row(
        quantity="second shell",
        paper="decreases below 0.21 V",
        check="A8d",
        truth=_series("second_shell_loss", "lost share"),
        remark="Mean dPDF from 3.5 to 3.9 Å at the end, in units of its error.",
    ),
    Row(quantity="first onset", paper="0.48 V", check="A9a", truth=_event(0)),
    Row(quantity="second onset", paper="0.28 V", check="A9b", truth=_event(1)),
    Row(quantity="third onset", paper="0.21 V", check="A9c", truth=_event(2)),
    Row(
        quantity="dPDF below 2 Å",
        paper="truncation noise, features at 1.44 and 1.8 Å",
        found=_ripple,
        remark="Side lobes of the peaks above, and electrolyte that the swelling silicon displaces.",
    ),
)
