"""The figures of a report: what each shows, and what it needs to be drawn."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import xarray as xr
from matplotlib.figure import Figure

from tsct.validation.evidence.phase_amounts import common_phases, has_named_phases, phase_map, phase_names

from .figure_amounts import amounts
from .figure_difference import film
from .figure_errors import errors
from .figure_maps import maps
from .figure_measurement import measurement
from .figure_overview import overview
from .figure_pdf import pattern_and_pdf
from .figure_trends import trends
from .figure_voxels import voxels


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What figures are drawn from.

    Attributes
    ----------
    recovered : xarray.Dataset
        See :func:`tsct.analyze.collect`.
    truth : xarray.Dataset or None
        See :func:`tsct.simulate.truth.truth`.
    region : xarray.Dataset or None
        See :func:`tsct.validation.evidence.region_truth.roi_truth`.
    """

    recovered: xr.Dataset
    truth: xr.Dataset | None = None
    region: xr.Dataset | None = None

    def truth_with(self, *names: str) -> xr.Dataset | None:
        """The truth if it holds all of these, else nothing."""
        return self.truth if self.truth is not None and set(names) <= set(self.truth) else None

    def truth_of(self, name: str) -> xr.Dataset | None:
        """The truth if it holds the map of a phase or of all scattering, else nothing."""
        return self.truth if self.truth is not None and phase_map(self.truth, name) is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """One figure of the report.

    Parameters
    ----------
    name : str
        Of the file, without its suffix.
    title, caption : str
        What it shows, and how to read it.
    needs : tuple of str
        Variables of the recovered data without which it cannot be drawn.
    needs_truth : tuple of str
        Likewise of the truth.
    states : int
        Least number of states.
    optional : bool
        Whether it is left out where it cannot be drawn, instead of saying why.
    draw : callable
        Makes the figure.
    """

    name: str
    title: str
    caption: str
    needs: tuple[str, ...]
    needs_truth: tuple[str, ...] = ()
    states: int = 1
    optional: bool = False
    draw: Callable[[Sources], Figure]

    def missing(self, sources: Sources) -> str:
        """Why it cannot be drawn, or nothing if it can."""
        recovered, truth = sources.recovered, sources.truth
        if lacking := [name for name in self.needs if name not in recovered]:
            return f"the recovered data hold no {', '.join(lacking)}"
        if recovered.sizes.get("state", 0) < self.states:
            return f"it needs {self.states} states, the recovered data hold {recovered.sizes.get('state', 0)}"
        if self.needs_truth and truth is None:
            return "there is no truth to compare with"
        if lacking := [name for name in self.needs_truth if truth is not None and name not in truth]:
            return f"the truth holds no {', '.join(lacking)}"
        return ""


def _overview(sources: Sources) -> Figure:
    assert sources.truth is not None, "OVERVIEW.needs_truth asks for it"
    return overview(sources.recovered, sources.truth, sources.region)


_REGION = ("roi_iq", "roi_iq_errors", "roi_gr", "roi_gr_errors")
_SERIES = ("silicon_distance", "lithium_neighbours", "second_shell_loss", "lithium_per_silicon")

#: the picture at the top of the page
OVERVIEW = Plate(
    name="overview",
    title="What was put in, and what was found",
    caption="From left to right: the silicon that was put in and the silicon that was recovered, in the slice whose "
    "region of interest (orange) is followed; its pair distribution function; and how it changes along the discharge.",
    needs=(*_REGION[2:], "silicon", "silicon_errors", "roi_dgr", "roi_dgr_errors"),
    needs_truth=("silicon",),
    states=2,
    draw=_overview,
)


def _map(name: str, caption: str, *, optional: bool = False) -> Plate:
    return Plate(
        name=f"map_{name}",
        title=f"Map of {name} in the first state",
        caption=f"{caption} Grey circle: rim of the electrode; orange: the region of interest, drawn in its slice. "
        "Differences are shown inside the electrode only.",
        needs=(name, f"{name}_errors"),
        optional=optional,
        draw=lambda s: maps(s.recovered, s.truth_of(name), name),
    )


#: the figures below it
PLATES: tuple[Plate, ...] = (
    Plate(
        name="pdf",
        title="I(Q) and G(r) of the region of interest",
        caption="Grey area: the G(r) that an endless measurement would give. Dashed: the same truth, transformed with "
        "the Qmax of the analysis. Truncation is what tells them apart: the ghost is in the dashed line and in the "
        "recovered one, not in the grey area. The lower panels show what the experiment added. What is smooth in I(Q), "
        "such as multiple scattering, the polynomial takes away before the transform; a gain pattern stays.",
        needs=_REGION,
        draw=lambda s: pattern_and_pdf(s.recovered, s.region),
    ),
    _map("silicon", "What the first column shows was put in and must come out."),
    _map(
        "carbon",
        "A bright crescent in the lower half of the bottom slice is the piston that the tilted beam clips; the ring "
        "outside the electrode is the tube's own carbon.",
    ),
    _map(
        "intensity",
        "All scattering, averaged over Q: the one map that every chain makes on its way.",
        optional=True,
    ),
    Plate(
        name="film",
        title="Difference PDF along the discharge",
        caption="Red: more pairs than in the first state, blue: fewer. Dashed: events that were put in. Right: some of "
        "the curves with the template fit; dotted lines mark the distances at which Wragg et al. read peaks (2.25, "
        "2.5, 2.8 and 3.8 Å). Blue beside red is one peak that moves, not a bond lost and another gained.",
        needs=("roi_dgr", "roi_dgr_errors"),
        states=2,
        draw=lambda s: film(s.recovered, s.truth),
    ),
    Plate(
        name="trends",
        title="Amplitudes, positions and the shift of the bond",
        caption="Dashed curves: truth. Vertical lines: events that were put in; orange marks on the axis: onsets that "
        "were recovered. The positive lobe of the dPDF stands far from the bond and moves half as much: reading it as "
        "a bond length is wrong twice. The template fit is the estimator to use.",
        needs=("fit", "fit_errors"),
        states=2,
        draw=lambda s: trends(s.recovered, s.truth_with(*_SERIES)),
    ),
    Plate(
        name="errors",
        title="Error bars, and whether to trust them",
        caption="Counting noise of a region is far below that of a voxel, and below what independent voxels would "
        "give, because neighbours are anti-correlated. The gain pattern of the detector is the same in every voxel and "
        "does not average out, but it cancels in the dPDF. Right: deviations of the maps in units of their error bars; "
        "a mean away from zero is a bias that counting statistics cannot know.",
        needs=("roi_iq", "roi_iq_errors", "roi_gr_errors", "roi"),
        draw=lambda s: errors(s.recovered, s.truth),
    ),
)


def plates(sources: Sources) -> tuple[Plate, ...]:
    """The figures of one report: the overview, then those below it.

    Of the cell :data:`OVERVIEW` and :data:`PLATES`; of a sample of named phases a map of each of them and their amounts
    along the states, in place of what is drawn of the cell alone.
    """
    truth, recovered = sources.truth, sources.recovered
    if not has_named_phases(recovered if truth is None else truth):
        return (OVERVIEW, *PLATES)
    names = phase_names(recovered)
    shared = common_phases(truth, recovered) if truth is not None else ()
    own = [_map_of_phase(name) for name in names]
    others = [plate for plate in PLATES if plate.name not in ("map_silicon", "map_carbon", "trends")]
    return (_overview_of(shared[-1] if shared else ""), *own, AMOUNTS, *others)


def _map_of_phase(name: str) -> Plate:
    return Plate(
        name=f"map_{name}",
        title=f"Map of {name} in the first state",
        caption="What the first column shows was put in and must come out. Grey circle: the smallest around the "
        "sample; orange: the region of interest, drawn in its slice.",
        needs=("phase_amount", "phase_amount_errors"),
        draw=lambda s: maps(s.recovered, s.truth_of(name), name),
    )


def _overview_of(name: str) -> Plate:
    """The picture at the top of the page with the map of one phase."""

    def draw(sources: Sources) -> Figure:
        assert sources.truth is not None, "needs_truth asks for it"
        return overview(sources.recovered, sources.truth, sources.region, name)

    return replace(
        OVERVIEW,
        caption=f"From left to right: the {name} that was put in and that was recovered, in the slice whose region of "
        "interest (orange) is followed; its pair distribution function; and how it changes along the states.",
        needs=(*OVERVIEW.needs[:2], "phase_amount", "roi_dgr", "roi_dgr_errors"),
        needs_truth=("phase_amount",),
        draw=draw,
    )


#: of every sample with named phases
AMOUNTS = Plate(
    name="amounts",
    title="Amounts of the phases along the states",
    caption="Means over the region of interest; error bars hold what all voxels share. Dashed: truth.",
    needs=("phase_amount", "roi"),
    states=2,
    draw=lambda s: amounts(s.recovered, s.truth),
)

#: of a measurement, which has no truth: what it looked like, and single voxels of it
MEASUREMENT = Plate(
    name="measurement",
    title="What was measured",
    caption="The corrected sinogram of the slice whose region is followed, with the axis of rotation that was found; "
    "the share of the channels of every ray that was lost and filled; the image of all scattering, with the region in "
    "orange; and the voxels that a truncated field of view moves by less than 5 %.",
    needs=("sinogram", "repaired_share", "total_intensity", "trusted", "axis_mm"),
    draw=lambda s: measurement(s.recovered),
)
VOXELS = Plate(
    name="voxels",
    title="G(r) of single voxels",
    caption="Three voxels of the region with their counting errors, and the region in grey. The number density of a "
    "voxel is not divided out: what is drawn is density times G(r).",
    needs=("example_hr", "example_hr_errors", "roi_gr"),
    draw=lambda s: voxels(s.recovered),
)
#: captions of figures that say more where there is a truth
_WITHOUT_TRUTH = {
    "pdf": "With the errors that the analysis states; marked are the first peaks that it does not take for ripples of "
    "the transform, or the bonds of the anode.",
    "film": "Red: more pairs than in the first state, blue: fewer. Right: some of the curves. Blue beside red is one "
    "peak that moves, not a bond lost and another gained.",
    "trends": "Orange marks on the axis: onsets. The positive lobe of the difference stands far from the bond and "
    "moves half as much; the template fit is the estimator to use.",
    "errors": "Counting noise of a region is far below that of a voxel, and below what independent voxels would give, "
    "because neighbours are anti-correlated. Gains of channels are the same in every voxel and do not average out, "
    "but they cancel in differences.",
    "amounts": "Means over the region of interest; error bars hold what all voxels share.",
}
_MAP_CAPTION = "In the first state, with the error of every voxel. Orange: the region of interest, drawn in its slice."


def plates_without_truth(recovered: xr.Dataset) -> tuple[Plate, ...]:
    """The figures of a measurement: what was measured, curves, maps of what was asked for, and the series."""
    known = {plate.name: plate for plate in (*PLATES, AMOUNTS)}
    of_truth = {name: replace(known[name], caption=words, optional=True) for name, words in _WITHOUT_TRUTH.items()}
    maps_of_all = [str(name) for name in recovered if {"y", "x"} <= {*recovered[name].dims}]
    # the anode's phases have peaks of their own, which say no more than their maps
    of_phases = tuple(f"{phase}_" for phase in phase_names(recovered))
    peaks = [name for name in maps_of_all if name.endswith(("_peak", "_height")) and not name.startswith(of_phases)]
    own = [replace(_map(name, ""), caption=_MAP_CAPTION, needs=()) for name in (*phase_names(recovered), *peaks)]
    rest = [of_truth[name] for name in ("amounts", "film", "trends", "errors")]
    return (MEASUREMENT, of_truth["pdf"], VOXELS, *own, *rest)
