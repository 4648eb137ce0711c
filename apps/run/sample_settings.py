"""The section [sample] of an experiment: any sample from named phases, solids and labelled volumes."""

from dataclasses import dataclass, replace
from pathlib import Path

from tsct.phantoms import Sample, States
from tsct.phantoms.painted import AnySolid, Change, Labels, PaintedSample, Phase
from tsct.phantoms.structures import Structure
from tsct.records.errors import InputError, UsageError

from .structure_choice import StructureChoice, anchored, check_crystallite_nm, chosen_structure, of_size


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSettings:
    """One ``[[sample.phase]]``.

    Parameters
    ----------
    name : str
        What it is called everywhere else.
    structure : str or list of str
        Name in the structure library or file; several are the members of a series.
    coordinates : tuple of float, optional
        Of the members of a series: guest atoms for each host atom, such as Li per Si, which is also the default.
    density_g_cm3 : float, optional
        Of the phase, where it is not that of the structure: by porosity, as `packing` says it too.
    packing : float, optional
        Share of the volume that atoms fill.
    u_iso_a2 : float, optional
        Mean-square displacement of every atom along one direction, in place of what the structure says.
    crystallite_nm : float, optional
        Diameter of the spherical domains of a crystal, which sets the width of its Bragg peaks; 15 nm if omitted.
    known : bool
        Whether the analyst knows that it is there.
    """

    name: str
    structure: StructureChoice | tuple[StructureChoice, ...]
    coordinates: tuple[float, ...] | None = None
    density_g_cm3: float | None = None
    packing: float | None = None
    u_iso_a2: float | None = None
    crystallite_nm: float | None = None
    known: bool = True

    def __post_init__(self) -> None:
        if self.density_g_cm3 is not None and self.packing is not None:
            raise UsageError(f"sample.phase '{self.name}': density_g_cm3 and packing say the same; give one")
        if self.u_iso_a2 is not None and not 0 <= self.u_iso_a2 <= 1:
            raise InputError(f"sample.phase '{self.name}': u_iso_a2 is {self.u_iso_a2}; allowed are 0 to 1")
        check_crystallite_nm(self.crystallite_nm, f"sample.phase '{self.name}'")

    def phase(self) -> Phase:
        """The phase, its structures read."""
        choices = self.structure if isinstance(self.structure, tuple) else (self.structure,)
        read = (chosen_structure(one, f"sample.phase '{self.name}'") for one in choices)
        where = f"sample.phase '{self.name}'"
        series = tuple(of_size(self._moving(one), self.crystallite_nm, where) for one in read)
        packing = 1.0 if self.packing is None else self.packing
        if self.density_g_cm3 is not None:
            packing = self.density_g_cm3 / series[0].density_g_cm3
            if not 0 < packing <= 1 + 1e-6:
                raise InputError(
                    f"sample.phase '{self.name}': density_g_cm3 is {self.density_g_cm3:g}, beyond the "
                    f"{series[0].density_g_cm3:.4g} of its structure"
                )
        coordinates = self.coordinates
        if coordinates is None:
            coordinates = tuple(member.lithium_per_silicon for member in series) if len(series) > 1 else (0.0,)
        return Phase(
            name=self.name, series=series, coordinates=coordinates, packing=min(packing, 1.0), known=self.known
        )

    def _moving(self, one: Structure) -> Structure:
        if self.u_iso_a2 is None:
            return one
        motion = replace(one.thermal, u_iso=dict.fromkeys(one.composition, self.u_iso_a2))
        return replace(one, name=f"{one.name} u_iso {self.u_iso_a2:g}", thermal=motion)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """The whole section: ``[[sample.phase]]``, ``[[sample.solid]]``, ``[sample.labels]``, ``[[sample.change]]``."""

    phase: tuple[PhaseSettings, ...]
    solid: tuple[AnySolid, ...] = ()
    labels: Labels | None = None
    change: tuple[Change, ...] = ()

    def with_files_in(self, folder: Path) -> "SampleSettings":
        """The same with absolute names of files; the run's own folder will hold the experiment from then on."""
        labels = self.labels and replace(self.labels, file=str((folder / self.labels.file).absolute()))
        changes = [
            replace(one, curve=str((folder / one.curve).absolute())) if isinstance(one.curve, str) else one
            for one in self.change
        ]
        phases = [replace(one, structure=anchored(one.structure, folder)) for one in self.phase]
        return replace(self, phase=tuple(phases), labels=labels, change=tuple(changes))

    def sample(self, states: States, slices_z_mm: tuple[float, ...], height_mm: float) -> Sample:
        """The sample that it describes."""
        return PaintedSample(
            phases=tuple(one.phase() for one in self.phase),
            solids=self.solid,
            labels=self.labels,
            states=states,
            changes=self.change,
            slices_z_mm=slices_z_mm,
            slice_height_mm=height_mm,
        )
