"""An experiment: what a TOML file says, built."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from tsct.analyze.pdf import parse_composition
from tsct.analyze.recipe import Model, Recipe, Roi
from tsct.phantoms import MATERIALS, POTENTIALS_V, QUICK_POTENTIALS_V, Phantom, Sample, States, discharge
from tsct.phantoms.painted import PaintedSample
from tsct.phantoms.structures import Structure, lithiated_series
from tsct.records.errors import InputError
from tsct.simulate.beamline import Beamline

from .analysis_phases import pattern_file
from .settings import Analysis, Settings
from .structure_choice import StructureChoice, chosen_structure
from .toml_tables import build, located, override, read_experiment

#: states of a quick run
QUICK_STATES = 6
#: of a series of silicon structures
MOST_MEMBERS = 1000
#: radius of the region of a sample, as a share of the sample's
REGION_SHARE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Everything that a run needs, built from its settings."""

    settings: Settings
    phantom: Sample
    beamline: Beamline
    recipe: Recipe

    @property
    def cell(self) -> Phantom | None:
        """The sample, where it is the cell of the preset; nothing where it is another."""
        return self.phantom if isinstance(self.phantom, Phantom) else None

    @property
    def tiles(self) -> list[tuple[int, int]]:
        """All (state, slice) of the run."""
        states, slices = self.phantom.states.values, self.phantom.slices_z_mm
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
    settings = replace(
        settings,
        analysis=settings.analysis.with_files_in(folder),
        structures=settings.structures.with_files_in(folder),
        sample=settings.sample and settings.sample.with_files_in(folder),
    )
    with located(source):
        return _experiment(settings, folder, table.get("analysis", {}).get("roi", {}))


def _quick(settings: Settings) -> Settings:
    z, states = settings.slices.z_mm, settings.states
    if states.values is not None:
        states = replace(states, values=evenly(states.values, QUICK_STATES))
    elif states.potentials_v == POTENTIALS_V:
        states = replace(states, potentials_v=QUICK_POTENTIALS_V)
    else:
        states = replace(states, potentials_v=evenly(states.potentials_v, QUICK_STATES))
    return replace(settings, slices=replace(settings.slices, z_mm=(z[len(z) // 2],)), states=states)


def evenly(values: tuple[float, ...], number: int) -> tuple[float, ...]:
    """So many of the values, evenly spread, ends included; the middle one if it is one."""
    if number == 1:
        return (values[len(values) // 2],)
    chosen = {round(i * (len(values) - 1) / (number - 1)) for i in range(number)}
    return tuple(values[i] for i in sorted(chosen))


def _around_the_axis(settings: Settings, sample: Sample, stated: Collection[str]) -> Analysis:
    """The analysis with a region that suits a sample, as far as its file does not state one."""
    radius = REGION_SHARE * sample.extent_mm / 2 / settings.beamline.scan.step_mm
    default = {"x_voxels": 0.0, "y_voxels": 0.0, "radius_voxels": round(radius, 2)}
    roi = replace(
        settings.analysis.values["roi"], **{key: value for key, value in default.items() if key not in stated}
    )
    return replace(settings.analysis, values={**settings.analysis.values, "roi": roi})


def _experiment(settings: Settings, folder: Path, stated_roi: Collection[str]) -> Experiment:
    reach = settings.beamline.scan.q_max
    analysis = settings.analysis.values
    if analysis["q_max"] > reach:
        raise InputError(
            f"analysis.q_max is {analysis['q_max']:g} 1/A but the scan ends at {reach:g} (beamline.scan.q_max)"
        )
    phantom = _sample(settings)
    if isinstance(phantom, PaintedSample):
        phantom.check_field(settings.beamline.scan.extent_mm, settings.beamline.scan.step_mm)
        phantom.check_states()
    if settings.sample:
        settings = replace(settings, analysis=_around_the_axis(settings, phantom, stated_roi))
        analysis = settings.analysis.values
    formula = analysis["composition"]
    composition = parse_composition(formula) if formula else phantom.nominal_composition
    given = (one.phase(settings.beamline.scan.q, phantom.structures) for one in analysis["phase"])
    phases = chain((pattern_file(folder / name) for name in analysis["phases"]), given)
    model: Model = "none" if settings.sample else "silicon-anode"
    _check_early(settings.analysis, composition, model, settings.beamline.scan.translations)
    recipe = settings.analysis.recipe(composition, tuple(phases), model)
    return Experiment(settings=settings, phantom=phantom, beamline=settings.beamline, recipe=recipe)


def _check_early(analysis: Analysis, composition: Mapping[str, float], model: Model, voxels: int) -> None:
    """Refuse what is wrong with an analysis before patterns of its phases are computed."""
    roi: Roi = analysis.values["roi"]
    roi.mask(voxels)
    _check_width(roi, voxels)
    # the map that decides a region may be that of a phase
    anywhere = replace(roi, map="", above=None)
    replace(analysis, values={**analysis.values, "roi": anywhere}).recipe(composition, (), model)


def _check_width(roi: Roi, voxels: int) -> None:
    """Refuse a region that is wider than the image."""
    x, y = zip(*roi.polygon, strict=True) if roi.polygon else ((-roi.radius_voxels, roi.radius_voxels),) * 2
    width = max(max(x) - min(x), max(y) - min(y))
    if (roi.polygon or roi.is_circle) and not roi.from_object and width > voxels:
        raise InputError(
            f"analysis.roi is {width:g} voxels wide, the image {voxels} (beamline.scan.translations): make it smaller"
        )


def _sample(settings: Settings) -> Sample:
    """The sample of the section of that name, or the cell."""
    if settings.sample:
        axis, values = settings.states.axis, settings.states.values
        states = States(axis=axis, values=values) if axis and values else States()
        return settings.sample.sample(states, settings.slices.z_mm, settings.slices.height_mm)
    course = discharge(settings.states.scenario, settings.states.potentials_v)
    return Phantom(
        geometry=settings.cell,
        texture=settings.texture,
        discharge=course,
        electrode=settings.electrode,
        silicon=_silicon(settings.structures.silicon, course.most_lithium),
        materials={
            phase: chosen_structure(getattr(settings.structures, phase), f"structures.{phase}") for phase in MATERIALS
        },
        slices_z_mm=settings.slices.z_mm,
        slice_height_mm=settings.slices.height_mm,
        seed=settings.seed,
    )


def _silicon(choice: StructureChoice | tuple[StructureChoice, ...], most_lithium: float) -> tuple[Structure, ...]:
    if choice == "library":
        return lithiated_series(most_lithium)
    choices = choice if isinstance(choice, tuple) else (choice,)
    if not 1 <= len(choices) <= MOST_MEMBERS:
        raise InputError(f"structures.silicon names {len(choices)} structures; allowed are 1 to {MOST_MEMBERS}")
    members = [chosen_structure(one, f"structures.silicon[{i}]") for i, one in enumerate(choices)]
    return tuple(sorted(members, key=lambda member: member.lithium_per_silicon))
