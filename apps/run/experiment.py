"""An experiment: what a TOML file says, built."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tsct.analyze.pdf import parse_composition
from tsct.analyze.recipe import PhasePattern, Recipe
from tsct.phantoms import MATERIALS, POTENTIALS_V, QUICK_POTENTIALS_V, Phantom, discharge
from tsct.phantoms.structures import Structure, lithiated_series, structure, structure_names
from tsct.records.errors import InputError, UsageError, nearest
from tsct.simulate.beamline import Beamline

from .settings import Settings
from .toml_tables import build, located, override, read_experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Everything that a run needs, built from its settings."""

    settings: Settings
    phantom: Phantom
    beamline: Beamline
    recipe: Recipe

    @property
    def tiles(self) -> list[tuple[int, int]]:
        """All (state, slice) of the run."""
        states, slices = self.settings.states.potentials_v, self.settings.slices.z_mm
        return [(i, j) for i in range(len(states)) for j in range(len(slices))]


def load(source: str, *, overrides: Iterable[str] = (), seed: int | None = None, quick: bool = False) -> Experiment:
    """Build an experiment from a preset's or scenario's name or a TOML file.

    Parameters
    ----------
    source : str
        ``wragg2023``, the name of a scenario, or the path of a TOML file.
    overrides : iterable of str
        ``section.key=value`` each, the value in TOML syntax.
    seed : int, optional
        Replaces the seed of the file.
    quick : bool
        Only the middle slice and six states.

    Raises
    ------
    UsageError
        For an unknown preset, key or choice.
    InputError
        For a value or a structure file that cannot be used.
    """
    table, folder = read_experiment(source)
    for change in overrides:
        override(table, change)
    settings = build(Settings, table, source)
    if seed is not None:
        settings = replace(settings, seed=seed)
    if quick:
        settings = _quick(settings)
    settings = replace(settings, analysis=settings.analysis.with_files_in(folder))
    with located(source):
        return _experiment(settings, folder)


def _quick(settings: Settings) -> Settings:
    z = settings.slices.z_mm
    potentials = settings.states.potentials_v
    if potentials == POTENTIALS_V:
        potentials = QUICK_POTENTIALS_V
    else:
        chosen = {round(i * (len(potentials) - 1) / 5) for i in range(6)}
        potentials = tuple(potentials[i] for i in sorted(chosen))
    return replace(
        settings,
        slices=replace(settings.slices, z_mm=(z[len(z) // 2],)),
        states=replace(settings.states, potentials_v=potentials),
    )


def _experiment(settings: Settings, folder: Path) -> Experiment:
    reach = settings.beamline.scan.q_max
    analysis = settings.analysis.values
    if analysis["q_max"] > reach:
        raise InputError(
            f"analysis.q_max is {analysis['q_max']:g} 1/A but the scan ends at {reach:g} (beamline.scan.q_max)"
        )
    states = discharge(settings.states.scenario, settings.states.potentials_v)
    phantom = Phantom(
        geometry=settings.cell,
        texture=settings.texture,
        discharge=states,
        electrode=settings.electrode,
        silicon=_silicon(settings.structures.silicon, states.most_lithium, folder),
        materials={
            phase: _material(getattr(settings.structures, phase), f"structures.{phase}", folder) for phase in MATERIALS
        },
        slices_z_mm=settings.slices.z_mm,
        slice_height_mm=settings.slices.height_mm,
        seed=settings.seed,
    )
    formula = analysis["composition"]
    composition = parse_composition(formula) if formula else phantom.nominal_composition
    recipe = settings.analysis.recipe(composition, tuple(_phase(folder / name) for name in analysis["phases"]))
    recipe.roi.mask(settings.beamline.scan.translations)
    return Experiment(settings=settings, phantom=phantom, beamline=settings.beamline, recipe=recipe)


def _phase(path: Path) -> PhasePattern:
    from tsct.analyze.readers import read_pattern

    q, intensity, _ = read_pattern(path)
    name = re.sub(r"\W", "_", path.stem)
    return PhasePattern(name=name, q=tuple(q.tolist()), intensity=tuple(intensity.tolist()))


def _silicon(choice: str | tuple[str, ...], most_lithium: float, folder: Path) -> tuple[Structure, ...]:
    if choice == "library":
        return lithiated_series(most_lithium)
    names = (choice,) if isinstance(choice, str) else choice
    members = [_material(name, f"structures.silicon[{i}]", folder) for i, name in enumerate(names)]
    return tuple(sorted(members, key=lambda member: member.lithium_per_silicon))


def _material(choice: str, where: str, folder: Path) -> Structure:
    if Path(choice).suffix in (".extxyz", ".xyz", ".cif"):
        from tsct.phantoms.structures import read_structure

        with located(where):
            return read_structure(folder / choice)
    if choice not in structure_names():
        close = nearest(choice, structure_names())
        raise UsageError(
            f"{where} is '{choice}'{close}; give a library name (tsct structures list) or an .extxyz, .cif or .xyz file"
        )
    return structure(choice)
