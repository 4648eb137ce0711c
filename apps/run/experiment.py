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
from typing import Any, TypeVar, get_type_hints

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
from tsct.phantoms.structures import Structure, lithiated_series, structure, structure_names
from tsct.records.errors import InputError, TsctError, UsageError, nearest
from tsct.records.paths import must_exist
from tsct.records.toml import MOST_BYTES, MOST_LEVELS, parse_toml, read_toml
from tsct.simulate.beamline import Beamline

from .scenario_list import BASE, merged, scenarios

T = TypeVar("T")
PRESETS = ("wragg2023",)
#: of a series of silicon structures
MOST_MEMBERS = 1000


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

    ``silicon`` may be a list, ordered by lithium content; with a single member nothing can be lithiated.
    """

    silicon: str | tuple[str, ...] = "library"
    carbon_black: str = "carbon-black"
    binder: str = "cmc-binder"
    piston: str = "glassy-carbon"
    separator: str = "polyolefin"
    counter_electrode: str = "lithium"
    container: str = "peek"
    electrolyte: str = "electrolyte"


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
    settings = replace(settings, analysis=replace(settings.analysis, phases=here))
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
    return read_toml(path), path.parent


def preset_text(name: str) -> str:
    """The commented TOML of a preset."""
    if name not in PRESETS:
        raise UsageError(f"unknown preset '{name}'{nearest(name, PRESETS)}; known are {', '.join(PRESETS)}")
    return files("tsct.apps.run").joinpath(f"{name}.toml").read_text(encoding="utf-8")


def _set(table: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip() or key.count(".") > MOST_LEVELS:
        raise UsageError(f"--set {_short(override)}: write it as section.key=value")
    if len(text) > MOST_BYTES:
        raise InputError(f"--set {key}: {len(text)} characters; at most {MOST_BYTES} are read")
    try:
        value = parse_toml(f"value = {text}", "--set")["value"]
    except InputError:
        value = text
    *sections, last = key.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise UsageError(f"--set {_short(override)}: '{section}' is not a section")
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
        else:
            values[key] = _checked(hints[key], value, f"{source}: {path}")
    with _located(f"{source}: [{where.rstrip('.')}]" if where else source):
        return cls(**values)


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
        silicon=_silicon(settings.structures.silicon, states.most_lithium, folder),
        materials={
            phase: _material(getattr(settings.structures, phase), f"structures.{phase}", folder)
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


def _silicon(choice: str | tuple[str, ...], most_lithium: float, folder: Path) -> tuple[Structure, ...]:
    if choice == "library":
        return lithiated_series(most_lithium)
    names = (choice,) if isinstance(choice, str) else choice
    if not 1 <= len(names) <= MOST_MEMBERS:
        raise InputError(f"structures.silicon names {len(names)} structures; allowed are 1 to {MOST_MEMBERS}")
    members = [_material(name, f"structures.silicon[{i}]", folder) for i, name in enumerate(names)]
    return tuple(sorted(members, key=lambda member: member.lithium_per_silicon))


def _material(choice: str, where: str, folder: Path) -> Structure:
    if Path(choice).suffix in (".extxyz", ".xyz", ".cif"):
        from tsct.phantoms.structures import read_structure

        with _located(where):
            return read_structure(folder / choice)
    if choice not in structure_names():
        close = nearest(choice, structure_names())
        raise UsageError(
            f"{where} is '{choice}'{close}; give a library name (tsct structures list) or an .extxyz, .cif or .xyz file"
        )
    return structure(choice)


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
