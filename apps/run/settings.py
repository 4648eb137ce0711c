"""What an experiment file may say, section by section.

The sections are the frozen records of the other rooms wherever there is one, so a key exists here if and only if it
exists there.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, get_type_hints

import tomli_w

from tsct.analyze.recipe import BACKENDS, FILTERS, TAKES, Model, PdfRecipe, Peak, PhasePattern, Recipe
from tsct.phantoms import CellGeometry, Electrode, Texture
from tsct.records.errors import InputError, UsageError
from tsct.simulate.beamline import Beamline

from .analysis_phases import AnalysisPhase
from .sample_settings import SampleSettings
from .structure_choice import StructureChoice, anchored
from .toml_tables import OF_THE_CELL


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """The discharge of the cell, a named truth and the potentials at which it is scanned; or the axis of a sample.

    Parameters
    ----------
    scenario : str
        Course of the discharge of the cell: small, medium, hatchard-dahn, null or two-phase.
    potentials_v : list of float
        At which the cell is scanned, in the order of the discharge.
    axis : str, optional
        Of a sample: any name and unit, such as time_s, temperature_k or cycle.
    values : list of float, optional
        Of that axis, at which the sample is scanned.
    """

    scenario: str
    potentials_v: tuple[float, ...]
    axis: str | None = None
    values: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if (self.axis is None) != (self.values is None):
            raise UsageError("states: axis and values need each other, such as axis = 'time_s' and values = [0, 60]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """Heights of the slices above the electrode's lower face and the height of the beam.

    Parameters
    ----------
    z_mm : list of float
        Middle of each slice.
    height_mm : float
        Of the beam, and so of every slice.
    """

    z_mm: tuple[float, ...]
    height_mm: float

    def __post_init__(self) -> None:
        if not self.z_mm or not self.height_mm > 0:
            raise InputError("slices: give at least one height in z_mm and a positive height_mm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Structures:
    """What the phases are made of: names in the structure library or files (extxyz, CIF, xyz with a cell).

    A file with keys is a table, ``{ file = "x.cif", setting = "2" }``.

    Parameters
    ----------
    silicon : structure or list of structures
        A list is ordered by lithium content; with a single member nothing can be lithiated.
    carbon_black, binder, electrolyte : structure
        Of the electrode.
    piston, separator, counter_electrode, container : structure
        Of the cell around it.
    """

    silicon: StructureChoice | tuple[StructureChoice, ...]
    carbon_black: StructureChoice
    binder: StructureChoice
    piston: StructureChoice
    separator: StructureChoice
    counter_electrode: StructureChoice
    container: StructureChoice
    electrolyte: StructureChoice

    def with_files_in(self, folder: Path) -> Self:
        """The same with absolute names of files; the run's own folder will hold the experiment from then on."""
        names = [item.name for item in fields(self)]
        return replace(self, **{name: anchored(getattr(self, name), folder) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenOtherwise:
    """Keys of ``[analysis]`` that its records have in another form.

    Parameters
    ----------
    composition : str
        Formula of the sample, such as ``Si0.5 C0.5``; empty for that of the sample as it was mixed.
    phases : list of str
        Files of Q and I(Q), relative to the experiment, of phases whose amounts are mapped.
    phase : list of tables
        Phases whose amounts are mapped, ``[[analysis.phase]]``.
    peak : list of tables
        Peaks of G(r) that are mapped, ``[[analysis.peak]]``.
    """

    composition: str = ""
    phases: tuple[str, ...] = ()
    phase: tuple[AnalysisPhase, ...] = ()
    peak: tuple[Peak, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Choices of the analysis: the fields of :class:`Recipe` and of its :class:`PdfRecipe`, side by side.

    Some are written otherwise than the records have them, see :class:`WrittenOtherwise`. Without ``model`` and ``roi``,
    the cell has the model of the anode and the paper's circle, and any other sample has no model and a circle of its
    own.

    Parameters
    ----------
    values : mapping of str to Any
        A value for every key.
    """

    values: Mapping[str, Any]

    @staticmethod
    def hints() -> dict[str, Any]:
        """Types of the keys."""
        of_records = {**get_type_hints(PdfRecipe), **get_type_hints(Recipe)}
        del of_records["pdf"], of_records["peaks"]
        names = {"method": tuple(TAKES), "backend": tuple(BACKENDS), "filter": tuple(FILTERS)}
        choices = {key: Literal[allowed] for key, allowed in names.items()}
        return of_records | choices | get_type_hints(WrittenOtherwise)

    @staticmethod
    def records() -> tuple[type, ...]:
        """What describes the keys."""
        return PdfRecipe, Recipe, WrittenOtherwise

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """The choices that were made, and the defaults of the records for all others."""
        defaults = _defaults(PdfRecipe) | _defaults(Recipe) | _defaults(WrittenOtherwise) | {"model": None}
        del defaults["peaks"]
        return cls(values={**defaults, **values})

    def with_files_in(self, folder: Path) -> Self:
        """The same with absolute names of files; the run's own folder will hold the experiment from then on."""
        phases = tuple(str((folder / name).absolute()) for name in self.values["phases"])
        tables = tuple(one.with_files_in(folder) for one in self.values["phase"])
        return replace(self, values={**self.values, "phases": phases, "phase": tables})

    def recipe(self, composition: Mapping[str, float], phases: tuple[PhasePattern, ...], model: Model) -> Recipe:
        """The record, given what the formula and the phases stand for, and the model where none is chosen."""
        values = {**self.values, "composition": composition, "phases": phases, "peaks": self.values["peak"]}
        values["model"] = self.values["model"] or model
        return Recipe(pdf=PdfRecipe(**_of(PdfRecipe, values)), **_of(Recipe, values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What is kept besides truth, results and report.

    Parameters
    ----------
    scans, volumes : bool
        Whether the scans, and the reconstructed patterns of all voxels, are kept.
    """

    scans: bool
    volumes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole file, section by section; where there is no default here or in a record, the preset has it.

    Parameters
    ----------
    name : str
        Of the experiment, in reports and files.
    seed : int
        Root seed of all noise, gain patterns and random textures.
    """

    name: str
    seed: int
    sample: SampleSettings | None = None
    cell: CellGeometry = field(default_factory=CellGeometry)
    texture: Texture = field(default_factory=Texture)
    electrode: Electrode = field(default_factory=Electrode)
    slices: Slices
    states: States
    structures: Structures
    beamline: Beamline = field(default_factory=Beamline)
    analysis: Analysis
    output: Output

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; it must be zero or larger")
        if self.sample is None and self.states.axis is not None:
            raise UsageError("states.axis belongs to a [sample]; the cell follows its potentials_v")

    @property
    def sections(self) -> tuple[str, ...]:
        """Those that mean something: a sample of its own has no cell."""
        return tuple(item.name for item in fields(self) if not (self.sample and item.name in OF_THE_CELL))


def _of(record: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that are fields of a record."""
    return {item.name: values[item.name] for item in fields(record) if item.name in values}


def _defaults(record: type) -> dict[str, Any]:
    known = {item.name: item.default for item in fields(record) if item.default is not MISSING}
    made = {item.name: item.default_factory() for item in fields(record) if item.default_factory is not MISSING}
    return known | made


def dump(settings: Settings) -> str:
    """The settings as TOML, every key written out."""
    table = {name: value for name, value in _plain(settings).items() if name in settings.sections}
    if settings.sample:
        table["states"] = {name: value for name, value in table["states"].items() if name in ("axis", "values")}
    return tomli_w.dumps(table)


def _plain(value: Any) -> Any:
    if isinstance(value, Analysis):
        return {name: _plain(inner) for name, inner in value.values.items() if inner is not None}
    if is_dataclass(value):
        items = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name: _plain(inner) for name, inner in items if inner is not None}
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value
