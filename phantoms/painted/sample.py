"""A sample of any named phases: solids and labelled volumes, painted one over the other, that change with the state.

Coordinates are millimetres, x to the right and y upwards in an image, z along the axis of rotation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from tsct.phantoms.geometry import pixel_grid
from tsct.phantoms.sample import Contents, Part
from tsct.phantoms.states import States
from tsct.phantoms.structures.library import Structure
from tsct.records.errors import InputError, UsageError, nearest

from .changes import Change
from .labels import Labels
from .shapes import AnySolid
from .truth import sample_truth

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

#: names that a phase may not have, because the beam path has it
RESERVED = ("air",)
#: volumes that are wider than the field of view by this factor are in other units
FAR = 20.0
#: volume fractions below this are nothing
NOTHING = 1e-12
#: how far a sum of fractions may exceed one by rounding
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One named phase of a sample.

    Parameters
    ----------
    name : str
        Letters, digits and underscores.
    series : tuple of Structure
        Its structure; several if a change of kind ``series`` leads from the first to the last.
    coordinates : tuple of float
        Of each member, such as Li per Si: guest atoms for each host atom.
    packing : float
        Share of the volume fraction that atoms fill: below one for a powder that is itself porous.
    known : bool
        Whether the analyst knows that it is there; only then is it in the composition that the scan states.
    """

    name: str
    series: tuple[Structure, ...]
    coordinates: tuple[float, ...] = (0.0,)
    packing: float = 1.0
    known: bool = True

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name in RESERVED:
            raise UsageError(f"sample.phase: '{self.name}' is no name; letters, digits and underscores, not air")
        if not 0 < self.packing <= 1:
            raise InputError(f"sample.phase '{self.name}': packing is {self.packing}; it lies above 0 and up to 1")
        if len(self.coordinates) != len(self.series) or any(np.diff(self.coordinates) <= 0):
            raise InputError(
                f"sample.phase '{self.name}': each member of a series needs a coordinate, and they must grow"
            )

    @property
    def density_per_a3(self) -> float:
        """Atoms of the first member per cubic angstrom of the phase."""
        return self.packing * self.series[0].number_density_per_a3


@dataclass(frozen=True, slots=True, kw_only=True)
class PaintedSample:
    """Everything that is true about a sample.

    Parameters
    ----------
    phases : tuple of Phase
        What there is.
    solids : tuple of Solid
        Painted in order: what comes later takes the place of what was there.
    labels : Labels, optional
        A volume, painted last.
    states : States
        Axis along which the scans are taken.
    changes : tuple of Change
        What happens along it, one after the other.
    slices_z_mm, slice_height_mm
        Heights of the slices, and the height of the beam.
    """

    phases: tuple[Phase, ...]
    solids: tuple[AnySolid, ...] = ()
    labels: Labels | None = None
    states: States = field(default_factory=States)
    changes: tuple[Change, ...] = ()
    slices_z_mm: tuple[float, ...] = (0.0,)
    slice_height_mm: float = 0.025

    def __post_init__(self) -> None:
        names = [phase.name for phase in self.phases]
        if len(set(names)) < len(names):
            raise UsageError(f"sample.phase: two are called '{max(names, key=names.count)}'; rename one")
        if not self.solids and self.labels is None:
            raise UsageError("sample: give at least one [[sample.solid]] or [sample.labels]")
        for where, used in self._uses():
            for phase in sorted(used - set(names)):
                raise UsageError(
                    f"{where}: no phase '{phase}'{nearest(phase, tuple(names))}; known are {', '.join(names)}"
                )
        for change in self.changes:
            self._check(change)
        if not np.isfinite(self.radius_mm):
            raise InputError("sample: nothing bounds it sideways; give layers within_mm, or a solid around them")
        if self.labels is not None:
            half = self.slice_height_mm / 2
            self.labels.check(min(self.slices_z_mm) - half, max(self.slices_z_mm) + half)

    def _uses(self) -> list[tuple[str, set[str]]]:
        """Names of phases by the place that mentions them."""
        uses = []
        for solid in self.solids:
            textured = {texture.phase for texture in solid.texture if texture.phase}
            rest = {solid.rest} if solid.rest else set()
            uses.append((f"sample.solid '{solid.name or solid.shape}'", {*solid.fill, *textured} | rest))
            foreign = textured - set(solid.fill)
            if foreign:
                raise UsageError(f"sample.solid '{solid.name}': texture of '{min(foreign)}', which is not in its fill")
        if self.labels is not None:
            uses.append(("sample.labels", self.labels.phases))
        for change in self.changes:
            used = {change.phase, change.into, change.displaces} - {None}
            uses.append(("sample.change", {name for name in used if name is not None}))
        return uses

    def _check(self, change: Change) -> None:
        amounts, phase = change.amounts(self.states), self.phase(change.phase)
        if change.kind == "series" and max(amounts) > phase.coordinates[-1] + ROUNDING:
            raise InputError(
                f"sample.change of '{change.phase}': the curve reaches {max(amounts):g} but the series ends at "
                f"{phase.coordinates[-1]:g}"
            )
        if change.kind != "series" and len(phase.series) > 1:
            raise UsageError(f"sample.change of '{change.phase}': a phase with a series changes by kind 'series' alone")

    def check_states(self, pixels: int = 48) -> None:
        """Refuse a texture or change that leaves the range of nothing to all in some state, on a coarse image.

        Raises
        ------
        InputError
            What does not fit, and where; finer images may still find what this one does not.
        """
        middle = len(self.slices_z_mm) // 2
        for state in range(len(self.states.values)):
            self.contents(state, middle, self.extent_mm, pixels, layers=1)

    def check_field(self, extent_mm: float, step_mm: float) -> None:
        """Refuse a volume that contradicts the scan: smaller than its voxels, beside its field of view, above or below.

        Parameters
        ----------
        extent_mm, step_mm : float
            Width of the field of view and of a voxel of the scan.
        """
        if self.labels is None:
            return
        width, depth, height = self.labels.size_mm
        size = f"the volume is {width:.3g} x {depth:.3g} x {height:.3g} mm (sample.labels.voxel_mm)"
        if min(width, depth) < step_mm:
            raise InputError(f"{size}, less than one voxel of the scan, {step_mm:g} mm")
        reach = np.hypot(*self.labels.centre_mm[:2]) - np.hypot(width, depth) / 2
        if reach > extent_mm / 2 or max(width, depth) > FAR * extent_mm:
            raise InputError(
                f"{size} about {list(self.labels.centre_mm)}, far outside the field of view of {extent_mm:g} mm"
            )
        low, high = (self.labels.centre_mm[2] + sign * height / 2 for sign in (-1, 1))
        if min(self.slices_z_mm) > high or max(self.slices_z_mm) < low:
            raise InputError(
                f"{size} and reaches from {low:g} to {high:g} mm in height, where no slice is "
                f"({min(self.slices_z_mm):g} to {max(self.slices_z_mm):g} mm)"
            )

    def phase(self, name: str) -> Phase:
        """The phase of this name."""
        return next(phase for phase in self.phases if phase.name == name)

    @property
    def radius_mm(self) -> float:
        """Radius around the axis of rotation that holds everything."""
        bounds = [solid.radius_mm for solid in self.solids]
        finite = [bound for bound in bounds if np.isfinite(bound)]
        if self.labels is not None:
            finite.append(self.labels.radius_mm)
        return max(finite, default=np.inf)

    @property
    def extent_mm(self) -> float:
        """Width of a square that holds the sample at every angle."""
        return 2 * self.radius_mm

    @property
    def identity(self) -> str:
        """What tells this sample from another."""
        phases = [(p.name, [(s.name, s.number_density_per_a3) for s in p.series], p.packing) for p in self.phases]
        rest = (self.solids, self.labels, self.states, self.changes, self.slices_z_mm, self.slice_height_mm)
        return repr((phases, rest))

    @property
    def structures(self) -> tuple[Structure, ...]:
        """Every structure that occurs in some state, the strained ones included."""
        found = [member for phase in self.phases for member in phase.series]
        for change in self.changes:
            if change.kind == "strain":
                (structure,) = self.phase(change.phase).series
                found += [strained(structure, float(amount)) for amount in change.amounts(self.states)]
        return tuple({structure.name: structure for structure in found}.values())

    def contents(
        self,
        state: int,
        slice_index: int,
        extent_mm: float,
        pixels: int,
        *,
        layers: int = 5,
        above_mm: float = 0.0,
        height_mm: float | None = None,
    ) -> Contents:
        """Number densities of everything in one slice; see :meth:`tsct.phantoms.cell.Phantom.contents`."""
        middle, x, y = self.slices_z_mm[slice_index] + above_mm, *pixel_grid(extent_mm, pixels)
        height = self.slice_height_mm if height_mm is None else height_mm
        edges = middle + height * (np.arange(layers + 1) / layers - 0.5)
        painted = [self._paint(x, y, low, high) for low, high in pairwise(edges)]
        fractions = {phase.name: np.mean([cut[phase.name] for cut in painted], axis=0) for phase in self.phases}
        return self._fill(fractions, x, y, state)

    def _paint(self, x: Array, y: Array, low_mm: float, high_mm: float) -> dict[str, Array]:
        """Volume fraction of every phase before anything changes, between two heights, shape (y, x) each."""
        z, pixel = (low_mm + high_mm) / 2, float(x[0, 1] - x[0, 0])
        painting = _Painting({phase.name: np.zeros_like(x) for phase in self.phases}, np.zeros_like(x))
        for solid in self.solids:
            covered = solid.coverage(x, y, z, pixel)
            inside = _filling(solid, x, y, z, covered)
            painting.add({name: covered * share for name, share in inside.items()}, covered)
        if self.labels is not None:
            painting.add(*self.labels.fractions(pixel * len(x), len(x), low_mm, high_mm))
        return painting.fractions

    def _fill(self, fractions: dict[str, Array], x: Array, y: Array, state: int) -> Contents:
        """Number densities of what is there in a state."""
        # a rotated volume may fill a pixel by a little more than all of it
        room = np.maximum(sum(fractions.values(), np.zeros_like(x)), 1.0)
        fractions, coordinates, strains = self._changed(fractions, x, y, state)
        filled = sum(fractions.values(), np.zeros_like(x))
        if np.any(filled > room + ROUNDING):
            most = float(filled.max())
            raise InputError(
                f"state {state}: all phases together fill {most:.3f} of a place; let what grows displace a phase, "
                "or start with less of it"
            )
        parts, densities = [], []
        for phase in self.phases:
            fraction = fractions[phase.name]
            if fraction.min() < -ROUNDING:
                raise InputError(
                    f"state {state}: {phase.name} gives way to more than there is of it; start with less of what grows"
                )
            if not np.any(fraction > NOTHING):
                continue
            host = np.clip(fraction, 0.0, None) * phase.density_per_a3
            if phase.name in strains:
                (structure,) = phase.series
                parts.append(Part(phase=phase.name, structure=strained(structure, strains[phase.name])))
                densities.append(host)
                continue
            at = coordinates.get(phase.name, np.full_like(x, phase.coordinates[0]))
            for k, member in enumerate(phase.series):
                weight = _share(phase, k, at)
                if np.any(weight * host > 0):
                    parts.append(Part(phase=phase.name, structure=member))
                    densities.append(host * weight * (1 + phase.coordinates[k]) / (1 + phase.coordinates[0]))
        if not parts:
            parts, densities = [Part(phase=self.phases[0].name, structure=self.phases[0].series[0])], [np.zeros_like(x)]
        return Contents(parts=tuple(parts), densities=np.stack(densities))

    def _changed(
        self, fractions: dict[str, Array], x: Array, y: Array, state: int
    ) -> tuple[dict[str, Array], dict[str, Array], dict[str, float]]:
        """Volume fractions, coordinates along series and strains after all changes."""
        fractions, coordinates, strains = dict(fractions), {}, {}
        for change in self.changes:
            amount, fraction = float(change.amounts(self.states)[state]), fractions[change.phase]
            spread = change.spread(amount, x, y)
            grown = np.zeros_like(fraction)
            if change.kind == "conversion" and change.into is not None:
                if spread[fraction > NOTHING].max(initial=0.0) > 1 + ROUNDING:
                    raise InputError(f"sample.change of '{change.phase}': more than all of it is converted at the rim")
                fractions[change.phase] = fraction * (1 - spread)
                fractions[change.into] = fractions[change.into] + change.volume_ratio * fraction * spread
                grown = (change.volume_ratio - 1) * fraction * spread
            elif change.kind == "growth":
                fractions[change.phase], grown = fraction * (1 + spread), fraction * spread
            elif change.kind == "series":
                coordinates[change.phase] = spread
                phase = self.phase(change.phase)
                host = fraction * phase.density_per_a3 / (1 + phase.coordinates[0])
                grown = host * change.guest_volume_a3 * (spread - phase.coordinates[0])
            else:
                strains[change.phase] = amount
                grown = ((1 + amount) ** 3 - 1) * fraction
            if change.displaces is not None:
                fractions[change.displaces] = fractions[change.displaces] - grown
        return fractions, coordinates, strains

    @property
    def nominal_composition(self) -> dict[str, float]:
        """Atom fractions of the sample as it was filled, which is what an experimenter knows.

        Of the solid that is marked as the sample, or of the last one painted; of the middle cut of a volume.
        """
        amounts: dict[str, float] = {}
        for name, share in self._nominal_fill().items():
            phase = self.phase(name)
            if not phase.known:
                continue
            for symbol, fraction in phase.series[0].composition.items():
                amounts[symbol] = amounts.get(symbol, 0.0) + share * phase.density_per_a3 * fraction
        total = sum(amounts.values())
        if not total > 0:
            raise InputError("sample: nothing known fills it; mark the solid in question with sample = true")
        return {symbol: amount / total for symbol, amount in amounts.items()}

    def _nominal_fill(self) -> Mapping[str, float]:
        if self.labels is not None:
            held, _ = self.labels.fractions(2 * self.labels.radius_mm, 64, *self._middle)
            return {name: float(image.sum()) for name, image in held.items()}
        solid = next((solid for solid in self.solids if solid.sample), self.solids[-1])
        rest = {solid.rest: 1 - sum(solid.fill.values())} if solid.rest else {}
        return {**rest, **{name: share + rest.get(name, 0.0) for name, share in solid.fill.items()}}

    @property
    def _middle(self) -> tuple[float, float]:
        z = self.slices_z_mm[len(self.slices_z_mm) // 2]
        return z - self.slice_height_mm / 2, z + self.slice_height_mm / 2

    @property
    def nominal_formula(self) -> str:
        """The nominal composition as a formula."""
        return " ".join(f"{symbol}{share:.6f}" for symbol, share in self.nominal_composition.items())

    def truth(self, voxels: int = 60, voxel_mm: float = 0.130) -> "xr.Dataset":
        """Amounts of every phase in every state; see :func:`tsct.phantoms.painted.truth.sample_truth`."""
        return sample_truth(self, [phase.name for phase in self.phases], voxels, voxel_mm)


@dataclass(frozen=True, slots=True)
class _Painting:
    """Volume fractions of phases, shape (y, x) each, and the share of every pixel that is painted."""

    fractions: dict[str, Array]
    covered: Array

    def add(self, amounts: Mapping[str, Array], covered: Array) -> None:
        """Paint once more: into the empty part of a pixel first, so that solids that touch leave no gap."""
        lost = np.clip(covered + self.covered - 1, 0.0, None)
        kept = 1 - lost / np.maximum(self.covered, NOTHING)
        for name, fraction in self.fractions.items():
            fraction *= np.clip(kept, 0.0, 1.0)
            if name in amounts:
                fraction += amounts[name]
        self.covered[...] = np.minimum(self.covered - lost + covered, 1.0)


def _share(phase: Phase, k: int, at: Array) -> Array:
    """Share of the k-th member of a series at its coordinates, linear between members."""
    if len(phase.series) == 1:
        return np.ones_like(at)
    return np.interp(at, phase.coordinates, np.eye(len(phase.series))[k])


def _filling(solid: AnySolid, x: Array, y: Array, z_mm: float, covered: Array) -> dict[str, Array]:
    """Volume fraction of every phase inside a solid, its texture and what fills the rest included."""
    inside = {name: np.full_like(x, share) for name, share in solid.fill.items()}
    for texture in solid.texture:
        factor = texture.factor(x, y, z_mm)
        for name in [texture.phase] if texture.phase else list(inside):
            inside[name] = inside[name] * factor
    total = sum(inside.values(), np.zeros_like(x))
    most = float(total[covered > NOTHING].max(initial=0.0))
    if most > 1 + ROUNDING:
        raise InputError(
            f"sample.solid '{solid.name or solid.shape}': its texture makes the fill {most:.3f} somewhere; lower the "
            "amplitude or the fill"
        )
    if solid.rest:
        inside[solid.rest] = inside.get(solid.rest, 0.0) + np.clip(1 - total, 0.0, None)
    return inside


@lru_cache(maxsize=256)
def strained(structure: Structure, strain: float) -> Structure:
    """The same atoms with all lengths longer by a factor of one plus the strain."""
    if strain == 0:
        return structure
    members = tuple(
        Atoms(atoms.symbols, positions=(1 + strain) * atoms.positions, cell=(1 + strain) * atoms.cell, pbc=atoms.pbc)
        for atoms in structure.members
    )
    density = structure.density_g_cm3 / (1 + strain) ** 3
    name, domain = f"{structure.name} strained {strain:+.6f}", structure.crystallite_a
    domain = None if domain is None else (1 + strain) * domain
    return replace(structure, name=name, members=members, density_g_cm3=density, crystallite_a=domain)
