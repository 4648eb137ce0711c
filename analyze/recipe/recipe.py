"""The choices of an analysis, in one value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, UsageError, nearest

from .methods import TAKES, Settings

Window = Literal["none", "lorch", "revised-lorch"]
Mode = Literal["absolute", "adhoc"]
Normalisation = Literal["high-q", "krogh-moe"]
PhaseSpace = Literal["iq", "gr"]
PdfOf = Literal["images", "rays"]
MOST_COMPONENTS = 20
#: of a polygon
MOST_CORNERS = 1000
#: 1/angstrom by which the pattern of a phase may end before the data do
END_SLACK = 0.02
#: 1/angstrom; calibrants at beamlines give 0.005 to 0.05
MOST_BROADENING = 0.3
#: on the grid of G(r)
MOST_DISTANCES = 100_000
#: maps that every analysis makes, and their units
MAP_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("carbon_peak", "silicon_peak"), "1/angstrom^4"),
    **dict.fromkeys(("carbon_height", "silicon_height"), "1/angstrom^5"),
    **dict.fromkeys(("silicon", "carbon"), "1/angstrom^3"),
}
#: unit of the map of a given phase, whose amount is counted in its pattern
PHASE_UNITS = "1/angstrom^3"


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfRecipe:
    """How I(Q) becomes G(r).

    Parameters
    ----------
    composition : mapping of str to float
        Atom fractions that the analyst assumes, the same for all voxels and states.
    q_min, q_max : float
        Range of the Fourier transform, 1/angstrom.
    q_max_inst : float, optional
        End of the data that the polynomial is fitted to and the scale is taken from, at least `q_max`; data beyond
        `q_max` steady both but are not transformed. `q_max` if omitted.
    window : {"none", "lorch", "revised-lorch"}
        Modification function.
    mode : {"absolute", "adhoc"}
        ``absolute`` subtracts self and Compton scattering of the composition and then what a polynomial of low degree
        explains; ``adhoc`` lets a polynomial of higher degree explain all of it, in the manner of PDFgetX3.
    normalisation : {"high-q", "krogh-moe"}
        Where the number of atoms behind a pattern is taken from. ``high-q``: mean of intensity over free-atom
        scattering in the upper half of the data. ``krogh-moe``: integrals of Q^2 J / <f>^2 over all of them
        (Krogh-Moe, Acta Cryst. 9, 951 (1956); Norman, Acta Cryst. 10, 370 (1957)), without their term
        2 pi^2 rho, below 0.04 % of the integral at Qmax 20, so that the number stays linear in the intensity.
    q_damp : float
        Gaussian resolution of the instrument in 1/angstrom, if known; G(r) is divided by exp(-(r q_damp)^2 / 2).
    q_broad : float
        Broadening of peaks that grows with distance, in 1/angstrom, if known. As in PDFgui, a peak of width s has
        ``s^2 (1 + (r q_broad)^2)`` in the data (Farrow et al., J. Phys.: Condens. Matter 19, 335219 (2007)). Data
        cannot be freed of it without a model, so all models of peaks have it instead, and fitted widths are without.
    r_poly : float, optional
        Distance in angstrom below which the polynomial may act; its degree is ``r_poly q_max_inst / pi``. Default 0.9
        in ad hoc and 0.6 in absolute mode.
    r_max, r_step : float
        Grid of G(r), from `r_step` to `r_max`, angstrom.
    """

    composition: Mapping[str, float]
    q_min: float = 0.8
    q_max: float = 20.0
    q_max_inst: float | None = None
    window: Window = "none"
    mode: Mode = "absolute"
    normalisation: Normalisation = "high-q"
    q_damp: float = 0.0
    q_broad: float = 0.0
    r_poly: float | None = None
    r_max: float = 20.0
    r_step: float = 0.02

    def __post_init__(self) -> None:
        if not 0 <= self.q_min < self.q_max:
            raise InputError(f"analysis: q_min {self.q_min} and q_max {self.q_max} need 0 <= q_min < q_max")
        if not self.q_max <= self.data_end < float("inf"):
            raise InputError(
                f"analysis: q_max {self.q_max} and q_max_inst {self.data_end} need q_max <= q_max_inst, both finite"
            )
        choices = {"window": Window, "mode": Mode, "normalisation": Normalisation}
        for name, allowed in ((name, get_args(kind)) for name, kind in choices.items()):
            if (value := getattr(self, name)) not in allowed:
                raise InputError(
                    f"analysis.{name} is '{value}'{nearest(value, allowed)}; allowed are {', '.join(allowed)}"
                )
        if not 0 < self.r_step < self.r_max < float("inf"):
            raise InputError(f"analysis: r_step {self.r_step} and r_max {self.r_max} need 0 < r_step < r_max, finite")
        if self.r_max / self.r_step > MOST_DISTANCES:
            raise InputError(f"analysis.r_step is {self.r_step}, more than {MOST_DISTANCES} distances; raise it")
        if not 0 <= self.q_damp * self.r_max <= 3:
            raise InputError(
                f"analysis.q_damp is {self.q_damp}; allowed are 0 to {3 / self.r_max:.3g} 1/A, where 1 % of G is left "
                "at r_max"
            )
        if not 0 <= self.q_broad <= MOST_BROADENING:
            raise InputError(
                f"analysis.q_broad is {self.q_broad}; allowed are 0 to {MOST_BROADENING:g} 1/A, where a peak at 3 A is "
                "1.3 times as wide"
            )
        if self.r_poly is not None and not 0 <= self.r_poly <= 3:
            raise InputError(f"analysis.r_poly is {self.r_poly}; allowed are 0 to 3 angstrom")
        if not self.composition or min(self.composition.values()) < 0:
            raise InputError("analysis.composition needs at least one element, with a positive share")

    @property
    def r(self) -> NDArray[np.float64]:
        """Grid of G(r) in angstrom, shape (r,)."""
        return self.r_step * np.arange(1, round(self.r_max / self.r_step) + 1, dtype=np.float64)

    @property
    def data_end(self) -> float:
        """End of the data that enter: `q_max_inst`, or `q_max` without it."""
        return self.q_max if self.q_max_inst is None else self.q_max_inst

    @property
    def polynomial_range(self) -> float:
        """`r_poly`, or its default for the mode."""
        if self.r_poly is not None:
            return self.r_poly
        return 0.9 if self.mode == "adhoc" else 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Roi:
    """Voxels whose mean is followed: a circle, a polygon or any set, or those of them where a map exceeds a level.

    In voxels, x to the right and y upwards of the image's centre.

    Parameters
    ----------
    x_voxels, y_voxels, radius_voxels : float
        Centre and radius of a circle.
    polygon : sequence of (x, y)
        Corners of a polygon, which replaces the circle.
    voxels : sequence of (row, column)
        Indices of single voxels, which replace both; see :meth:`where`.
    map, above : str, float, optional
        Only voxels where this map of the reference tile exceeds this level, in the unit of the map (number densities:
        1/angstrom^3). Decided once for all states and slices, by :func:`tsct.analyze.chain.with_region`.
    """

    x_voxels: float = 3.0
    y_voxels: float = -1.0
    radius_voxels: float = 16.0
    polygon: tuple[tuple[float, float], ...] = ()
    voxels: tuple[tuple[int, int], ...] = ()
    map: str = ""
    above: float | None = None

    def __post_init__(self) -> None:
        if len(self.polygon) > MOST_CORNERS:
            raise InputError(f"analysis.roi.polygon has {len(self.polygon)} corners; at most {MOST_CORNERS} are read")
        if bool(self.map) != (self.above is not None):
            raise UsageError("map and above need each other, such as map = 'silicon' and above = 0.004 (1/angstrom^3)")

    @classmethod
    def where(cls, inside: NDArray[np.bool_]) -> Self:
        """The voxels of a mask, shape (y, x), such as a map above a threshold: ``Roi.where(found.silicon > 0.004)``.

        A region is the same in all states; take the threshold on one map, not on each.
        """
        return cls(voxels=_indices(inside))

    @property
    def is_circle(self) -> bool:
        """Whether neither polygon nor single voxels are given."""
        return not (self.polygon or self.voxels)

    @property
    def outline(self) -> "Roi":
        """The same without its level: all of the circle, the polygon or the set."""
        return replace(self, map="", above=None)

    def decided(self, image: NDArray, units: str) -> "Roi":
        """The voxels inside where its map, shape (y, x), exceeds the level; one that is not finite does not.

        Raises
        ------
        InputError
            If none does; says how large the map gets there.
        """
        if self.above is None:
            return self
        inside = self.mask(len(image))
        chosen = inside & (image > self.above)
        if not chosen.any():
            known = image[inside & np.isfinite(image)]
            largest = f"{known.max():.4g}" if len(known) else "unknown"
            raise InputError(
                f"analysis.roi: no voxel has {self.map} above {self.above:g} {units}; of the {inside.sum()} voxels in "
                f"question the largest is {largest}"
            )
        return replace(self.outline, voxels=_indices(chosen))

    def mask(self, n: int) -> NDArray[np.bool_]:
        """Voxels whose centre lies inside, shape (y, x), whatever a map says of them.

        Raises
        ------
        InputError
            If no voxel of an `n` by `n` image does.
        """
        centre = np.arange(n) - (n - 1) / 2
        y, x = np.meshgrid(centre - self.y_voxels, centre - self.x_voxels, indexing="ij")
        inside = np.hypot(x, y) <= self.radius_voxels
        if self.polygon:
            inside = _in_polygon(x + self.x_voxels, y + self.y_voxels, self.polygon)
        if self.voxels:
            inside = np.zeros((n, n), dtype=bool)
            rows, columns = np.array(self.voxels).T
            if min(rows.min(), columns.min()) < 0 or max(rows.max(), columns.max()) >= n:
                raise InputError(f"analysis.roi.voxels reach beyond the {n} x {n} image")
            inside[rows, columns] = True
        if not inside.any():
            raise InputError(f"analysis.roi {self} holds no voxel of the {n} x {n} image")
        return inside


def _indices(inside: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """Row and column of every voxel of a mask, shape (y, x)."""
    return tuple((int(row), int(column)) for row, column in np.argwhere(np.asarray(inside)))


def _in_polygon(x: NDArray, y: NDArray, corners: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """Points from which a ray to the right crosses the edges an odd number of times."""
    inside = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePattern:
    """I(Q) of a pure phase, Compton scattering included, in electron units per atom or any other unit of its amount.

    Parameters
    ----------
    name : str
        Letters, digits and underscores.
    q, intensity : tuple of float
        1/angstrom, increasing.
    """

    name: str
    q: tuple[float, ...]
    intensity: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All choices of the chain from a scan to maps, PDFs and dPDFs.

    Parameters
    ----------
    pdf : PdfRecipe
        From I(Q) to G(r).
    roi : Roi
        The region whose PDF is followed through the states.
    method, backend : str
        How images are made and by whose code; see :func:`tsct.analyze.tomography.reconstruct.reconstruct`.
    filter, iterations, nonnegative, subsets, tv_weight, padding
        Settings of the method, each refused where the method does not take it.
    draws : int
        Random repeats from which the variance is taken where no exact rule exists.
    reference_states : int
        Differences are taken from the mean of so many first states.
    scale_matched : bool
        Scale the reference to each state first, which hides a loss of matter as well as a wrong normalisation.
    squared_amplitudes : bool
        Also fit the peaks of the differences with squared amplitudes, as Wragg et al. (2023) did.
    air_rays : int
        Outermost translations on each side that see only air; their mean is subtracted. Zero: none.
    gain_error : float, optional
        Relative standard error of the gain of each channel, the same in all states; if omitted, what the scatter
        between neighbouring channels shows beyond counting.
    remove_stripes : bool
        Whether gains of translations are found and divided out; see
        :func:`tsct.analyze.prepare.stripes.translation_gains`.
    multiple_scattering, outgoing_absorption : bool
        Whether photons scattered twice are subtracted, and absorption on the way out is undone, both from the map of
        attenuation; see :mod:`tsct.analyze.prepare.attenuation`.
    absorption_per_voxel : bool
        Absorption on the own way out of every voxel in every view enters the operator of an iterative method,
        instead of a mean over each ray; see :mod:`tsct.analyze.prepare.self_absorption`.
    pdf_of : {"images", "rays"}
        Whether PDFs of voxels are made of reconstructed patterns, or reconstructed from PDFs of rays: the same, up to
        rounding, for the methods that are linear in the rays, which alone take "rays".
    phases : sequence of PhasePattern
        Phases whose amounts are fitted in every voxel, none below zero.
    phases_in : {"iq", "gr"}
        Whether they are fitted in I(Q) or in G(r).
    components : int
        So many unknown phases are looked for by factorising the patterns of all tiles together. Zero: none.
    """

    pdf: PdfRecipe
    roi: Roi = field(default_factory=Roi)
    method: str = "fbp"
    backend: str = "tsct"
    filter: str = "ramp"
    iterations: int | None = None
    nonnegative: bool = False
    subsets: int = 8
    tv_weight: float = 0.002
    padding: int = 0
    draws: int = 20
    reference_states: int = 1
    scale_matched: bool = False
    squared_amplitudes: bool = False
    air_rays: int = 2
    gain_error: float | None = None
    remove_stripes: bool = False
    multiple_scattering: bool = True
    outgoing_absorption: bool = True
    absorption_per_voxel: bool = False
    pdf_of: PdfOf = "images"
    phases: tuple[PhasePattern, ...] = ()
    phases_in: PhaseSpace = "iq"
    components: int = 0

    def __post_init__(self) -> None:
        Settings(**self.settings).check(self.method)
        weighted = self.backend == "tsct" and "transmission" in TAKES[self.method]
        if self.absorption_per_voxel and not (weighted and self.outgoing_absorption):
            can = ", ".join(name for name, takes in TAKES.items() if "transmission" in takes)
            raise UsageError(
                f"analysis.absorption_per_voxel needs outgoing_absorption, backend tsct and one of the methods {can}"
            )
        if self.draws < 2:
            raise UsageError(f"analysis.draws is {self.draws}; two or more are possible, 20 give 5 % error bars")
        if self.gain_error is not None and not 0 <= self.gain_error < 1:
            raise UsageError(f"analysis.gain_error is {self.gain_error}; allowed are 0 to 1, such as 0.003")
        if self.reference_states < 1:
            raise UsageError(f"analysis.reference_states is {self.reference_states}; one or more are possible")
        if self.pdf_of not in get_args(PdfOf):
            raise UsageError(f"analysis.pdf_of is '{self.pdf_of}'; allowed are images, rays")
        linear = self.method == "fbp" or (self.method == "sirt" and not self.nonnegative)
        if self.pdf_of == "rays" and (not linear or self.absorption_per_voxel):
            raise UsageError(
                "analysis.pdf_of = 'rays' needs a method that is linear in the rays: fbp, or sirt without nonnegative "
                "and absorption_per_voxel"
            )
        self._check_phases()
        if self.roi.map and self.roi.map not in self.map_units:
            known = tuple(self.map_units)
            close = nearest(self.roi.map, known)
            raise UsageError(f"analysis.roi.map is '{self.roi.map}'{close}; allowed are {', '.join(known)}")

    def _check_phases(self) -> None:
        if self.phases_in not in get_args(PhaseSpace):
            raise UsageError(f"analysis.phases_in is '{self.phases_in}'; allowed are iq, gr")
        if not 0 <= self.components <= MOST_COMPONENTS:
            raise UsageError(f"analysis.components is {self.components}; allowed are 0 to {MOST_COMPONENTS}")
        names = [phase.name for phase in self.phases]
        if len(set(names)) < len(names):
            raise InputError(f"analysis.phases: two are called {max(names, key=names.count)}; rename one")
        low, high = self.pdf.q_min, self.pdf.data_end
        for phase in self.phases:
            if phase.q[0] > low or phase.q[-1] < high - END_SLACK:
                raise InputError(
                    f"analysis.phases: {phase.name} covers {phase.q[0]:g} to {phase.q[-1]:g} 1/A, the analysis needs "
                    f"{low:g} to {high:g}"
                )

    @property
    def map_units(self) -> dict[str, str]:
        """Maps that a single tile yields, and their units; components need all tiles."""
        return {**MAP_UNITS, **{f"phase_{phase.name}": PHASE_UNITS for phase in self.phases}}

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments of `reconstruct` after the method."""
        names = ("backend", "filter", "iterations", "nonnegative", "subsets", "tv_weight", "padding")
        return {name: getattr(self, name) for name in names}
