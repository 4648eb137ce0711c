"""The choices of an analysis, in one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from tsct.records.errors import InputError, UsageError, nearest

from .methods import TAKES, MethodChoices, Settings
from .pdf_recipe import PdfRecipe
from .region import Roi

PhaseSpace = Literal["iq", "gr"]
PdfOf = Literal["images", "rays"]
MOST_COMPONENTS = 20
#: 1/angstrom by which the pattern of a phase may end before the data do
END_SLACK = 0.02
#: maps that every analysis makes, and their units
MAP_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("carbon_peak", "silicon_peak"), "1/angstrom^4"),
    **dict.fromkeys(("carbon_height", "silicon_height"), "1/angstrom^5"),
    **dict.fromkeys(("silicon", "carbon"), "1/angstrom^3"),
}
#: unit of the map of a given phase, whose amount is counted in its pattern
PHASE_UNITS = "1/angstrom^3"


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
class Recipe(MethodChoices):
    """All choices of the chain from a scan to maps, PDFs and dPDFs, with those of its method of reconstruction.

    Parameters
    ----------
    pdf : PdfRecipe
        From I(Q) to G(r).
    roi : Roi
        The region whose PDF is followed through the states.
    method : str
        How images are made; see :func:`tsct.analyze.tomography.reconstruct.reconstruct`.
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
