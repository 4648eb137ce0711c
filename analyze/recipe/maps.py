"""What maps an analysis can be asked for: amounts of phases with known patterns, and peaks of the PDF."""

from dataclasses import dataclass

from tsct.records.errors import InputError, UsageError

#: of the variables that hold all phases, beside those of single ones
TAKEN = ("amount", "amount_errors", "amount_level_errors", "amount_absorption_errors", "strain", "strain_errors")
#: largest strain that can be looked for: beyond, one Bragg peak would be taken for the next
MOST_STRAIN = 0.05
#: unit of the map of a given phase, whose amount is counted in its pattern
PHASE_UNITS = "1/angstrom^3"
AREA_UNITS, HEIGHT_UNITS = "1/angstrom^4", "1/angstrom^5"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePattern:
    """I(Q) of a pure phase in electron units per atom or any other unit of its amount.

    Parameters
    ----------
    name : str
        Letters, digits and underscores.
    q, intensity : tuple of float
        1/angstrom, increasing.
    compton : tuple of float, optional
        Compton scattering at the same Q, which the fit weighs as the detector does; where it is not given it is part
        of the intensity.
    strain_limit : float
        Largest relative change of all its lengths that is looked for in every tile; zero: none.
    strain_change : tuple of float, optional
        What a strain changes beside the lengths, at Q times length as before, for a strain of one: atoms scatter less
        at higher Q and move as before. Zero if omitted, as for a pattern that was measured.
    shared_with_simulation : bool
        Whether the pattern is that of the very structure that the data were simulated with.
    """

    name: str
    q: tuple[float, ...]
    intensity: tuple[float, ...]
    compton: tuple[float, ...] = ()
    strain_limit: float = 0.0
    strain_change: tuple[float, ...] = ()
    shared_with_simulation: bool = False

    def __post_init__(self) -> None:
        if self.name in TAKEN:
            raise UsageError(f"analysis.phase: '{self.name}' is the name of a result; give the phase another")
        if not 0 <= self.strain_limit <= MOST_STRAIN:
            raise InputError(
                f"analysis.phase '{self.name}': strain_limit is {self.strain_limit:g}; allowed are 0 to {MOST_STRAIN:g}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """A peak of the density-weighted G(r) that is mapped: its area, or its height at one distance.

    Parameters
    ----------
    name : str
        Letters, digits and underscores; the map is called ``NAME_peak`` or ``NAME_height``.
    limits_a : (low, high), optional
        Angstrom; the area above the line between its ends is mapped.
    distance_a : float, optional
        Angstrom; the height there is mapped.
    """

    name: str
    limits_a: tuple[float, float] | None = None
    distance_a: float | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise UsageError(f"analysis.peak: '{self.name}' is no name; letters, digits and underscores")
        if (self.limits_a is None) == (self.distance_a is None):
            raise UsageError(f"analysis.peak '{self.name}': give limits_a = [low, high] or distance_a, one of both")
        if self.limits_a is not None and not 0 < self.limits_a[0] < self.limits_a[1]:
            raise InputError(f"analysis.peak '{self.name}': limits_a {list(self.limits_a)} need 0 < low < high")

    @property
    def map_name(self) -> str:
        """What its map is called."""
        return f"{self.name}_height" if self.limits_a is None else f"{self.name}_peak"

    @property
    def units(self) -> str:
        """Of its map."""
        return HEIGHT_UNITS if self.limits_a is None else AREA_UNITS

    @property
    def reach_a(self) -> tuple[float, float]:
        """Smallest and largest distance that it needs."""
        if self.limits_a is not None:
            return self.limits_a
        distance = self.distance_a or 0.0
        return distance, distance

    @property
    def centre_a(self) -> float:
        """Middle of its limits, or its distance."""
        return sum(self.reach_a) / 2
