"""The choices of an analysis, in one value."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from tsct.records.errors import InputError, UsageError, nearest

from .maps import AREA_UNITS, HEIGHT_UNITS, PHASE_UNITS, Peak, PhasePattern
from .methods import TAKES, MethodChoices, Settings
from .pdf_recipe import PdfRecipe
from .region import Roi

PhaseSpace = Literal["iq", "gr"]
PdfOf = Literal["images", "rays"]
#: what is known of the sample beforehand: the anode of silicon, carbon and carbonates, or nothing
Model = Literal["silicon-anode", "none"]
MOST_COMPONENTS = 20
#: 1/angstrom by which the pattern of a phase may end before the data do
END_SLACK = 0.02
#: maps of the silicon anode, and their units
MAP_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("carbon_peak", "silicon_peak"), AREA_UNITS),
    **dict.fromkeys(("carbon_height", "silicon_height"), HEIGHT_UNITS),
    **dict.fromkeys(("silicon", "carbon"), PHASE_UNITS),
}


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
        :func:`tsct.analyze.prepare.stripes.gains_by_attenuation`, and where the transmission is not known
        :func:`~tsct.analyze.prepare.stripes.translation_gains`.
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
        Phases whose amounts are fitted in every voxel.
    phases_in : {"iq", "gr"}
        Whether they are fitted in I(Q) or in G(r).
    model : {"silicon-anode", "none"}
        Whether silicon and carbon are mapped and followed by the model of one anode (two Si-Si shells, carbon black,
        carbonates), with the fits of its differences and its onsets. With "none" there are patterns, PDFs, their
        differences, and the maps of `phases` and `peaks`.
    peaks : sequence of Peak
        Peaks of the PDF that are mapped.
    components : int
        So many unknown phases are looked for by factorising the patterns of all tiles together. Zero: none.
    components_strained : bool
        Whether their lengths may change from tile to tile, by heat or insertion (stretched factorisation).
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
    model: Model = "silicon-anode"
    peaks: tuple[Peak, ...] = ()
    components: int = 0
    components_strained: bool = False

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
        if self.model not in get_args(Model):
            raise UsageError(f"analysis.model is '{self.model}'; allowed are {', '.join(get_args(Model))}")
        if self.squared_amplitudes and not self.has_anode:
            raise UsageError("analysis.squared_amplitudes belongs to model = 'silicon-anode'")
        self._check_phases()
        self._check_peaks()
        if self.roi.map and self.roi.map not in self.map_units:
            known = tuple(self.map_units)
            allowed = f"allowed are {', '.join(known)}" if known else "no maps were asked for"
            raise UsageError(f"analysis.roi.map is '{self.roi.map}'{nearest(self.roi.map, known)}; {allowed}")

    def _check_phases(self) -> None:
        if self.phases_in not in get_args(PhaseSpace):
            raise UsageError(f"analysis.phases_in is '{self.phases_in}'; allowed are iq, gr")
        if not 0 <= self.components <= MOST_COMPONENTS:
            raise UsageError(f"analysis.components is {self.components}; allowed are 0 to {MOST_COMPONENTS}")
        if self.components_strained and not self.components:
            raise UsageError("analysis.components_strained needs analysis.components, their number")
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

    def _check_peaks(self) -> None:
        names = [peak.map_name for peak in self.peaks]
        if len(set(names)) < len(names):
            raise UsageError(f"analysis.peak: two are called {max(names, key=names.count)}; rename one")
        resolved = math.pi / self.pdf.q_max
        for k, peak in enumerate(self.peaks):
            low, high = peak.reach_a
            if not self.pdf.r_step <= low <= high <= self.pdf.r_max:
                raise InputError(
                    f"analysis.peak '{peak.name}' at {low:g} to {high:g} A lies outside G(r), "
                    f"{self.pdf.r_step:g} to {self.pdf.r_max:g} A (analysis.r_max)"
                )
            if peak.limits_a is not None and high - low < resolved:
                raise InputError(
                    f"analysis.peak '{peak.name}' is {high - low:.3g} A wide, less than the {resolved:.3g} A that "
                    "q_max resolves (pi / q_max)"
                )
            for other in self.peaks[:k]:
                alike = other.units == peak.units and abs(other.centre_a - peak.centre_a) < resolved
                if alike:
                    raise InputError(
                        f"analysis.peak '{peak.name}' lies inside the ripple of '{other.name}': closer than the "
                        f"{resolved:.3g} A that q_max resolves (pi / q_max)"
                    )

    @property
    def has_anode(self) -> bool:
        """Whether the model of the silicon anode is fitted."""
        return self.model == "silicon-anode"

    @property
    def phase_names(self) -> tuple[str, ...]:
        """Phases whose amounts are mapped; a given pattern takes the place of the anode's phase of the same name."""
        anode = ("silicon", "carbon") if self.has_anode else ()
        return tuple(dict.fromkeys((*anode, *(phase.name for phase in self.phases))))

    @property
    def asks_for_phases(self) -> bool:
        """Whether phases are mapped, known or unknown."""
        return bool(self.phase_names or self.components)

    @property
    def map_units(self) -> dict[str, str]:
        """Maps that a single tile yields, and their units; components need all tiles."""
        return {
            **(MAP_UNITS if self.has_anode else {}),
            **{peak.map_name: peak.units for peak in self.peaks},
            **{f"phase_{phase.name}": PHASE_UNITS for phase in self.phases},
        }
