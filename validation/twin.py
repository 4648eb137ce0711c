"""A twin: sample, beamline and analysis of one scenario, ready to be scanned."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import xarray as xr

from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.analyze.tables import parse_composition
from tsct.phantoms.cell import Phantom, wragg2023
from tsct.phantoms.discharge import discharge
from tsct.phantoms.structures import structure
from tsct.records.errors import UsageError, nearest
from tsct.records.tiles import stack_tiles
from tsct.simulate.beamline import Beamline
from tsct.simulate.scan import simulate_tile
from tsct.simulate.spectra import Spectra, spectra_table
from tsct.simulate.truth import phase_truth, truth

Record = TypeVar("Record")
#: sections of the experiment file that are a record of the phantom, and its name there
PHANTOM_SECTIONS: Mapping[str, str] = {"cell": "geometry", "texture": "texture", "electrode": "electrode"}
#: choices of the analysis that are no part of the transform
CHAIN_CHOICES = ("filter", "air_rays")
#: end of G(r) in the experiment file, angstrom
R_MAX = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """Everything that a scan and its truth are made from.

    Attributes
    ----------
    phantom : Phantom
        The sample.
    beamline : Beamline
        The measurement.
    recipe : Recipe
        How the reference chain analyses it.
    table : mapping of str to Spectra
        What each structure scatters; shared by all seeds.
    seed : int
        Of the electrode's grains and of all noise.
    """

    phantom: Phantom
    beamline: Beamline
    recipe: Recipe
    table: Mapping[str, Spectra]
    seed: int = 1

    def reseeded(self, seed: int) -> "Twin":
        """The same twin with other grains and other noise."""
        return replace(self, phantom=replace(self.phantom, seed=seed), seed=seed)

    def scan(self, states: Iterable[int] | None = None) -> xr.Dataset:
        """Counts of all slices in some states (all if omitted); dims (state, slice, angle, translation, q)."""
        chosen = range(len(self.phantom.discharge.potentials_v)) if states is None else states
        tiles = [(state, j) for state in chosen for j in range(len(self.phantom.slices_z_mm))]
        make = (self.phantom, self.beamline, self.table, self.seed)
        return stack_tiles([simulate_tile(*make, *tile) for tile in tiles])

    def truth(self) -> xr.Dataset:
        """What is true about the sample and what the beamline did to it; see :func:`tsct.simulate.truth.truth`."""
        return truth(self.phantom, self.beamline, self.seed)

    def phases(self) -> xr.Dataset:
        """Scattering of every phase on its own; see :func:`tsct.simulate.truth.phase_truth`."""
        pdf = self.recipe.pdf
        return phase_truth(self.phantom, self.table, self.beamline.scan.q, pdf.r, pdf.q_min)


def twin(changes: Mapping[str, Any], *, seed: int = 1) -> Twin:
    """Build a twin from changes to the keys of the experiment file.

    Parameters
    ----------
    changes : mapping of str to value
        Such as ``{"beamline.scan.views": 60}``; the keys of ``tsct init``, except that structures come from the
        library only.
    seed : int
        Of the electrode's grains and of all noise.

    Raises
    ------
    UsageError
        For an unknown key.
    InputError
        For a value that is out of range.
    """
    sections = _sections(changes)
    phantom = _phantom(sections, seed)
    beamline = changed(Beamline(), sections.get("beamline", {}), "beamline")
    recipe = _recipe(sections.get("analysis", {}), phantom)
    return Twin(phantom=phantom, beamline=beamline, recipe=recipe, table=spectra_table(phantom, beamline), seed=seed)


def changed(record: Record, changes: Mapping[str, Any], where: str) -> Record:
    """A frozen record with nested fields replaced.

    Parameters
    ----------
    changes : mapping
        Field name to value, or to a mapping of the same kind where the field is itself a record.

    Raises
    ------
    UsageError
        For a field that does not exist.
    """
    allowed = [item.name for item in fields(record)]  # type: ignore[arg-type]
    values = {}
    for name, value in changes.items():
        if name not in allowed:
            raise UsageError(f"unknown key '{where}.{name}'{nearest(name, allowed)}")
        old = getattr(record, name)
        nested = is_dataclass(old) and isinstance(value, Mapping)
        values[name] = changed(old, value, f"{where}.{name}") if nested else _like(old, value)
    return replace(record, **values)  # type: ignore[type-var]


def _like(old: Any, value: Any) -> Any:
    return tuple(value) if isinstance(old, tuple) else value


def _sections(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as nested mappings."""
    table: dict[str, Any] = {}
    for key, value in changes.items():
        *path, last = key.split(".")
        inner = table
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    known = (*PHANTOM_SECTIONS, "slices", "states", "structures", "beamline", "analysis")
    for name in table:
        if name not in known:
            raise UsageError(f"unknown section '{name}'{nearest(name, known)}; allowed are {', '.join(known)}")
    return table


def _phantom(sections: Mapping[str, Any], seed: int) -> Phantom:
    states, slices = sections.get("states", {}), sections.get("slices", {})
    phantom = wragg2023(seed=seed)
    potentials = tuple(states.get("potentials_v", phantom.discharge.potentials_v))
    materials = {phase: structure(name) for phase, name in sections.get("structures", {}).items()}
    records = {
        field: changed(getattr(phantom, field), sections.get(section, {}), section)
        for section, field in PHANTOM_SECTIONS.items()
    }
    return replace(
        phantom,
        discharge=discharge(states.get("scenario", "small"), potentials),
        slices_z_mm=tuple(slices.get("z_mm", phantom.slices_z_mm)),
        slice_height_mm=slices.get("height_mm", phantom.slice_height_mm),
        materials={**phantom.materials, **materials},
        **records,
    )


def _recipe(choices: Mapping[str, Any], phantom: Phantom) -> Recipe:
    formula = choices.get("composition")
    composition = parse_composition(formula) if formula else phantom.nominal_composition
    transform = {name: value for name, value in choices.items() if name not in (*CHAIN_CHOICES, "composition", "roi")}
    pdf = changed(PdfRecipe(composition=composition, r_max=R_MAX), transform, "analysis")
    chain = {name: choices[name] for name in (*CHAIN_CHOICES, "roi") if name in choices}
    return changed(Recipe(pdf=pdf), chain, "analysis")
