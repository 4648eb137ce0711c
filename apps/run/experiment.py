"""An experiment as a TOML file: phantom, beamline and analysis in one place, checked key by key.

The sections of the file are the frozen records of the other rooms, so a key exists here if and only if it exists there.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import tomli_w
from pydantic import TypeAdapter, ValidationError

from tsct.analyze.pdf import parse_composition
from tsct.analyze.recipe import BACKENDS, FILTERS, TAKES, PdfRecipe, PhasePattern, Recipe, Roi
from tsct.phantoms import (
    POTENTIALS_V,
    QUICK_POTENTIALS_V,
    CellGeometry,
    Electrode,
    Phantom,
    Texture,
    default_materials,
    discharge,
)
from tsct.phantoms.structures import Structure, lithiated_series
from tsct.records.errors import InputError, TsctError, UsageError, nearest
from tsct.records.paths import must_be_file, must_exist
from tsct.simulate.beamline import Beamline

from .scenario_list import BASE, merged, scenarios
from .structure_choice import StructureChoice, anchored, chosen_structure, is_file

T = TypeVar("T")
PRESETS = ("wragg2023",)
#: no experiment is as long
MAX_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """The discharge: a named truth and the potentials at which it is scanned."""

    scenario: str = "small"
    potentials_v: tuple[float, ...] = POTENTIALS_V


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """Heights of the slices above the electrode's lower face and the height of the beam."""

    z_mm: tuple[float, ...] = (0.018, 0.050, 0.082)
    height_mm: float = 0.025

    def __post_init__(self) -> None:
        if not self.z_mm or not self.height_mm > 0:
            raise InputError("slices: give at least one height in z_mm and a positive height_mm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Structures:
    """What the phases are made of: names in the structure library or files (extxyz, CIF, xyz with a cell).

    A file with keys is a table, ``{ file = "x.cif", setting = "2" }``. ``silicon`` may be a list, ordered by lithium
    content; with a single member nothing can be lithiated.
    """

    silicon: StructureChoice | tuple[StructureChoice, ...] = "library"
    carbon_black: StructureChoice = "carbon-black"
    binder: StructureChoice = "cmc-binder"
    piston: StructureChoice = "glassy-carbon"
    separator: StructureChoice = "polyolefin"
    counter_electrode: StructureChoice = "lithium"
    container: StructureChoice = "peek"
    electrolyte: StructureChoice = "electrolyte"

    def anchored(self, folder: Path) -> "Structures":
        """The same with whole paths of files."""
        whole = {item.name: getattr(self, item.name) for item in fields(self)}
        for name, value in whole.items():
            several = isinstance(value, tuple)
            whole[name] = tuple(anchored(one, folder) for one in value) if several else anchored(value, folder)
        return Structures(**whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Choices of the analysis; the composition defaults to that of the electrode as it was mixed."""

    composition: str = ""
    q_min: float = 0.8
    q_max: float = 20.0
    q_max_inst: float | None = None
    window: str = "none"
    mode: str = "absolute"
    normalisation: str = "high-q"
    q_damp: float = 0.0
    q_broad: float = 0.0
    r_poly: float | None = None
    r_max: float = 12.0
    r_step: float = 0.02
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
    pdf_of: str = "images"
    phases: tuple[str, ...] = ()
    phases_in: str = "iq"
    components: int = 0
    roi: Roi = field(default_factory=Roi)

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise UsageError(
                    f"analysis.{name} is '{value}'{nearest(value, allowed)}; allowed are {', '.join(allowed)}"
                )


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "window": ("none", "lorch", "revised-lorch"),
    "mode": ("absolute", "adhoc"),
    "normalisation": ("high-q", "krogh-moe"),
    "phases_in": ("iq", "gr"),
    "pdf_of": ("images", "rays"),
    "method": tuple(TAKES),
    "backend": tuple(BACKENDS),
    "filter": tuple(FILTERS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What is kept besides truth, results and report."""

    scans: bool = True
    volumes: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole file, section by section."""

    name: str = "wragg2023"
    seed: int = 1
    cell: CellGeometry = field(default_factory=CellGeometry)
    texture: Texture = field(default_factory=Texture)
    electrode: Electrode = field(default_factory=Electrode)
    slices: Slices = field(default_factory=Slices)
    states: States = field(default_factory=States)
    structures: Structures = field(default_factory=Structures)
    beamline: Beamline = field(default_factory=Beamline)
    analysis: Analysis = field(default_factory=Analysis)
    output: Output = field(default_factory=Output)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; it must be zero or larger")


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
    table, folder = read_table(source)
    for override in overrides:
        _set(table, override)
    settings = build(Settings, table, source)
    if seed is not None:
        settings = replace(settings, seed=seed)
    if quick:
        settings = _quick(settings)
    # the run's own folder will hold the file from then on
    here = tuple(str((folder / name).absolute()) for name in settings.analysis.phases)
    settings = replace(
        settings,
        analysis=replace(settings.analysis, phases=here),
        structures=settings.structures.anchored(folder),
    )
    with _located(source):
        return _experiment(settings, folder)


def read_table(source: str) -> tuple[dict[str, Any], Path]:
    """Parsed TOML of a preset, scenario or file, and the folder that its relative paths refer to."""
    if source in PRESETS:
        return tomllib.loads(preset_text(source)), Path()
    if source in scenarios():
        return merged(tomllib.loads(preset_text(BASE)), {"name": source, **scenarios()[source].changes}), Path()
    path = Path(source)
    if path.is_dir():
        raise InputError(f"{source} is a folder; give an experiment file, such as {path / 'experiment.toml'}")
    if path.suffix != ".toml":
        if path.suffix or len(path.parts) > 1:
            must_exist(path)
            raise UsageError(f"{source}: an experiment is a .toml file or a preset")
        known = tuple(dict.fromkeys((*PRESETS, *scenarios())))
        raise UsageError(
            f"unknown preset '{source}'{nearest(source, known)}; known are {', '.join(known)}, or give a .toml file"
        )
    must_be_file(path)
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{source}: {path.stat().st_size} bytes; an experiment has at most {MAX_BYTES}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), path.parent
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source}: cannot be read ({error})") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{source}: not valid TOML ({error})") from None


def preset_text(name: str) -> str:
    """The commented TOML of a preset."""
    if name not in PRESETS:
        raise UsageError(f"unknown preset '{name}'{nearest(name, PRESETS)}; known are {', '.join(PRESETS)}")
    return files("tsct.apps.run").joinpath(f"{name}.toml").read_text(encoding="utf-8")


def _set(table: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {override}: write it as section.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        value = text
    *sections, last = key.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise UsageError(f"--set {override}: '{section}' is not a section")
    table[last] = value


def build(cls: type[T], table: Mapping[str, Any], source: str, where: str = "") -> T:
    """Make a frozen record from a parsed table, refusing unknown keys and wrong types.

    Raises
    ------
    UsageError
        For an unknown key, naming the nearest valid one.
    InputError
        For a value of the wrong type or out of range.
    """
    hints = get_type_hints(cls)
    allowed = [item.name for item in fields(cls)]  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in table.items():
        path = f"{where}{key}"
        if key not in allowed:
            close = nearest(key, allowed) or f"; allowed are {', '.join(allowed)}"
            raise UsageError(f"{source}: unknown key '{path}'{close}")
        if is_dataclass(hints[key]):
            if not isinstance(value, dict):
                raise UsageError(f"{source}: '{path}' is a section, found {_short(value)}")
            values[key] = build(hints[key], value, source, f"{path}.")
        elif records := [part for part in get_args(hints[key]) if isinstance(part, type) and is_dataclass(part)]:
            values[key] = _text_or_record(records[0], hints[key], value, source, path)
        else:
            values[key] = _checked(hints[key], value, f"{source}: {path}")
    with _located(f"{source}: [{where.rstrip('.')}]" if where else source):
        return cls(**values)


def _text_or_record(record: type, hint: Any, value: Any, source: str, path: str) -> Any:
    """A record from a table, a text as it is, and a list of both where `hint` allows a tuple."""
    if isinstance(value, dict):
        return build(record, value, source, f"{path}.")
    if isinstance(value, list) and any(get_origin(part) is tuple for part in get_args(hint)):
        return tuple(_text_or_record(record, str, one, source, f"{path}[{i}]") for i, one in enumerate(value))
    return _checked(str, value, f"{source}: {path}")


@contextmanager
def _located(where: str) -> Iterator[None]:
    """Errors of what happens inside begin with the file, and the section, that they come from."""
    try:
        yield
    except TsctError as error:
        raise type(error)(f"{where}: {error}") from None
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def _checked(hint: Any, value: Any, where: str) -> Any:
    try:
        return TypeAdapter(hint, config={"allow_inf_nan": False}).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        at = "".join(f"[{part}]" for part in first["loc"] if isinstance(part, int))
        raise InputError(f"{where}{at} is {_short(first['input'])}; {first['msg'].lower()}") from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


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
    if settings.analysis.q_max > reach:
        raise InputError(
            f"analysis.q_max is {settings.analysis.q_max:g} 1/A but the scan ends at {reach:g} (beamline.scan.q_max)"
        )
    states = discharge(settings.states.scenario, settings.states.potentials_v)
    phantom = Phantom(
        geometry=settings.cell,
        texture=settings.texture,
        discharge=states,
        electrode=settings.electrode,
        silicon=_silicon(settings.structures.silicon, states.most_lithium),
        materials={
            phase: _material(getattr(settings.structures, phase), f"structures.{phase}")
            for phase in default_materials()
        },
        slices_z_mm=settings.slices.z_mm,
        slice_height_mm=settings.slices.height_mm,
        seed=settings.seed,
    )
    a = settings.analysis
    composition = parse_composition(a.composition) if a.composition else phantom.nominal_composition
    pdf = PdfRecipe(**_shared(PdfRecipe, a) | {"composition": composition})
    phases = tuple(_phase(folder / name) for name in a.phases)
    recipe = Recipe(**_shared(Recipe, a) | {"phases": phases}, pdf=pdf)
    recipe.roi.mask(settings.beamline.scan.translations)
    return Experiment(settings=settings, phantom=phantom, beamline=settings.beamline, recipe=recipe)


def _shared(cls: type, settings: Analysis) -> dict[str, Any]:
    """The settings whose names a record of the analysis has too."""
    return {item.name: getattr(settings, item.name) for item in fields(cls) if hasattr(settings, item.name)}


def _phase(path: Path) -> PhasePattern:
    from tsct.analyze.readers import read_pattern

    q, intensity, _ = read_pattern(path)
    name = re.sub(r"\W", "_", path.stem)
    return PhasePattern(name=name, q=tuple(q.tolist()), intensity=tuple(intensity.tolist()))


def _silicon(choice: StructureChoice | tuple[StructureChoice, ...], most_lithium: float) -> tuple[Structure, ...]:
    if choice == "library":
        return lithiated_series(most_lithium)
    choices = choice if isinstance(choice, tuple) else (choice,)
    members = [_material(one, f"structures.silicon[{i}]") for i, one in enumerate(choices)]
    return tuple(sorted(members, key=lambda member: member.lithium_per_silicon))


def _material(choice: StructureChoice, where: str) -> Structure:
    if is_file(choice):
        with _located(where):
            return chosen_structure(choice, where)
    return chosen_structure(choice, where)


def dump(settings: Settings) -> str:
    """The settings as TOML, every key written out."""
    return tomli_w.dumps(_plain(settings))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        items = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name: _plain(inner) for name, inner in items if inner is not None}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value
