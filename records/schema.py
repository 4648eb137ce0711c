"""What passes from room to room: dims, units and attributes of every dataset, on one page.

Readers, writers and the doors of the rooms use these tables, and no room has a layout of its own. A dataset may hold
more than its table says; what it holds under a name of the table must be what the table says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError

if TYPE_CHECKING:
    import xarray as xr

#: version of all that is written: run folders, ledgers, records in HDF5 and JSON; raised when a reader must know.
#: 1: the transform of recovered data one by one in ten attributes; 2: in one, ``pdf_recipe``
VERSION = 2

#: coordinate along which states are varied where a dataset does not name it in its attribute ``state_axis``
STATE_AXIS = "potential_v"
DENSITY, POWER, PER_ATOM = "1/angstrom^3", "electron units/angstrom^3", "electron units/atom"


@dataclass(frozen=True, slots=True)
class Field:
    """One variable or coordinate.

    Parameters
    ----------
    dims : tuple of str
        Its last dims, in this order; leading dims (state, slice) are free where a table does not name them.
    units : str, optional
        Of its values; None: words or numbers that have none.
    required : bool
        Whether a dataset without it is refused.
    other_units : tuple of str
        Units that it may have instead, of patterns without a scale of their own.
    """

    dims: tuple[str, ...]
    units: str | None
    required: bool = False
    other_units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """Layout of one kind of dataset.

    Parameters
    ----------
    name : str
        What errors call it.
    fields : mapping of str to Field
        By name; a star in a name stands for any word.
    attrs : mapping of str to type
        Attributes that must be there, and of which type.
    states : mapping of str to str
        Attributes that may be there, and what they say.
    """

    name: str
    fields: Mapping[str, Field]
    attrs: Mapping[str, type] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)

    def field(self, name: str) -> Field | None:
        """What the table says of a name; None if nothing."""
        if name in self.fields:
            return self.fields[name]
        return next((known for star, known in self.fields.items() if "*" in star and fnmatchcase(name, star)), None)

    def variable(self, name: str, values: Any, **attrs: Any) -> tuple[tuple[str, ...], Any, dict[str, Any]]:
        """Values as xarray takes them for a variable or coordinate: dims, values, attributes with the units."""
        known = self.fields[name]
        return known.dims, values, ({} if known.units is None else {"units": known.units}) | attrs


def _rows(dims: tuple[str, ...], units: str | None, *names: str, **options: Any) -> dict[str, Field]:
    return {name: Field(dims, units, **options) for name in names}


_RAYS, _IMAGE, _TILE = ("angle", "translation"), ("y", "x"), ("state", "slice", "y", "x")
_AXES = {"q": Field(("q",), "1/angstrom"), "r": Field(("r",), "angstrom"), **_rows((), None, "state", "slice")}
_VOXELS = {"y": Field(("y",), "mm"), "x": Field(("x",), "mm")}

#: counts of one tile or of several, and what an experimenter knows about them
SCAN = Schema(
    name="scan",
    fields={
        "intensity": Field((*_RAYS, "q"), "counts", required=True),
        "variance": Field((*_RAYS, "q"), "counts^2"),
        "monitor": Field(_RAYS, "photons", required=True),
        "transmission": Field(_RAYS, "1", required=True),
        "time": Field(_RAYS, "s"),
        "solid_angle": Field(("q",), "sr", required=True),
        "polarization": Field(("q",), "1", required=True),
        "angle": Field(("angle",), "deg"),
        "translation": Field(("translation",), "mm"),
        "q": _AXES["q"],
        "state": _AXES["state"],
        "slice": _AXES["slice"],
        "potential_v": Field((), "V"),
        "z_mm": Field((), "mm"),
    },
    states={
        "energy_kev": "photon energy",
        "sample_composition": "formula of the sample as it was mixed",
        "state_axis": "which coordinate the states are varied along",
        "entry_identifier": "name of the measurement",
        "..._applied": "whether a factor was divided out before the file was written",
        "relative": "whether intensities are of an unknown scale",
    },
)

#: what is true of the sample and what the beamline did to it
TRUTH = Schema(
    name="truth",
    fields={
        **_rows(("slice", *_IMAGE), DENSITY, "silicon", "carbon", "electrolyte"),
        "phase_density": Field(("phase", "slice", *_IMAGE), DENSITY),
        "phase_amount": Field(("state", "slice", "phase_name", *_IMAGE), DENSITY),
        "phase_name": Field(("phase_name",), None),
        "state_density": Field(("state", "phase", "slice", *_IMAGE), DENSITY),
        **_rows(("phase",), None, "phase_structure", "phase_role"),
        **_rows(("state",), "1", "lithium_per_silicon", "second_shell_loss"),
        **_rows(("state",), "1", "silicon_neighbours", "lithium_neighbours"),
        "silicon_distance": Field(("state",), "angstrom"),
        "channel_gain": Field(("state", "q"), "1"),
        "translation_gain": Field(("translation",), "1"),
        "compton_weight": Field(("q",), "1"),
        "potential_v": Field(("state",), "V"),
        "q": _AXES["q"],
        "slice": Field(("slice",), None),
        **_VOXELS,
    },
    states={
        "electrode_radius_mm": "radius of the electrode",
        "scenario": "named course of the lithiation",
        "seed": "root seed of all noise",
        "entry_identifier": "name of the measurement",
        "faults": "size of every fault",
        "axis_mm": "rotation axis off the centre of the translations",
        "energy_kev": "photon energy",
        "voxel_mm": "side of a voxel",
        "forward_operator, forward_operator_hash, supersampling, forward_tables, compton_tables": "what made the data",
    },
)

#: every structure on its own
PHASES = Schema(
    name="phases",
    fields={
        **_rows(("structure", "q"), PER_ATOM, "coherent", "compton", required=True),
        "second_shell": Field(("structure", "q"), PER_ATOM),
        "gr": Field(("structure", "r"), "1/angstrom^2", required=True),
        "fq": Field(("structure", "q_far"), "1/angstrom"),
        "density": Field(("structure",), DENSITY),
        "composition": Field(("structure", "element"), "1", required=True),
        "structure_*": Field(("structure",), None),
        "structure": Field(("structure",), None),
        "element": Field(("element",), None),
        "q": _AXES["q"],
        "q_far": Field(("q_far",), "1/angstrom"),
        "r": _AXES["r"],
    },
)

#: what any chain may deliver and is held to the truth in; see docs/gate.md
_COMPARED: Mapping[str, Field] = {
    **_rows(_TILE, DENSITY, "silicon", "silicon_errors", "carbon", "carbon_errors"),
    **_rows(("state", "slice"), "1", "silicon_level_errors", "carbon_level_errors"),
    **_rows(("state", "slice", "phase", *_IMAGE), DENSITY, "phase_amount", "phase_amount_errors"),
    "phase_amount_level_errors": Field(("state", "slice", "phase"), "1"),
    "phase_amount_absorption_errors": Field(("state", "slice", "phase", *_IMAGE), DENSITY),
    **_rows((*_TILE, "q"), POWER, "iq", "iq_errors", other_units=(PER_ATOM, "arbitrary")),
    "roi": Field(_IMAGE, "1"),
    **_rows(("state", "q"), POWER, "roi_iq", "roi_iq_errors", other_units=(PER_ATOM, "arbitrary")),
    **_rows(("state", "r"), "1/angstrom^2", "roi_gr", "roi_gr_errors", "roi_dgr", "roi_dgr_errors"),
    # of the reference state alone: that of all states would dwarf everything else
    "roi_gr_covariance": Field(("r", "r_2"), "1/angstrom^4"),
}
COMPARED = tuple(_COMPARED)
#: axes of what is compared
AXES = ("q", "r", "y", "x")
#: coordinate with the names of the phases of what is compared
NAMES = "phase"

#: maps of every tile and the series of one region
RECOVERED = Schema(
    name="recovered",
    fields={
        **_COMPARED,
        **_rows(_TILE, "1/angstrom^4", "*_peak", "*_peak_errors"),
        **_rows(_TILE, "1/angstrom^5", "*_height", "*_height_errors", "hr", "hr_errors"),
        **_rows(_TILE, "1", "trusted", "phases_explained"),
        "total_intensity": Field(_TILE, POWER),
        **_rows(("state", "slice", "phase", "y", "x"), DENSITY, "phase_amount", "phase_amount_errors"),
        **_rows(("state", "slice", "phase"), "1", "phase_amount_level_errors", "phase_strain", "phase_strain_errors"),
        "phase": Field(("phase",), None),
        "phase_*": Field(_TILE, DENSITY),
        **_rows(("component", "q_binned"), "1", "component_spectra"),
        "component": Field(("component",), None),
        "component_strain": Field(("state", "slice", "component"), "1"),
        "component_*": Field(_TILE, POWER),
        **_rows(("state", "slice"), "1", "level_errors", "noise_ratio", "noise_number", "noise_ratio_joined"),
        **_rows(("state", "slice"), "mm", "axis_mm", "axis_mm_errors"),
        # of the first state of the slice of the region alone
        "sinogram": Field(_RAYS, f"mm {POWER}"),
        "repaired_share": Field(_RAYS, "1"),
        **_rows(("example", "r"), "1/angstrom^5", "example_hr", "example_hr_errors"),
        **_rows(("example",), "mm", "example_y", "example_x"),
        "example": Field(("example",), None),
        "angle": Field(("angle",), "deg"),
        "translation": Field(("translation",), "mm"),
        **_rows(("state", "slice", "q"), POWER, "voxel_iq_errors", "roi_counting_errors", "roi_absorption_errors"),
        "voxel_hr_errors": Field(("state", "slice", "r"), "1/angstrom^5"),
        "ray_errors": Field(("state", "slice", "offset", "q"), f"mm {POWER}"),
        **_rows(("state", "slice"), POWER, "intensity", "intensity_errors"),
        "compton_weight": Field(("q",), "1"),
        **_rows(("state", "q_used"), "1/angstrom", "roi_fq", "roi_fq_errors"),
        "gr_model": Field(("r",), "1/angstrom^2"),
        "dgr_model": Field(("state", "r"), "1/angstrom^2"),
        "difference_weights": Field(("state", "state_2"), "1"),
        **_rows(("state", "parameter"), "mixed", "fit", "fit_errors"),
        "fit_covariance_single": Field(("state", "parameter", "parameter_2"), "mixed"),
        **_rows(("state",), "angstrom", "lobe_low", "lobe_high"),
        **_rows(("state",), "1/angstrom^2", "lobe_low_height", "lobe_high_height"),
        **_rows(("hinge",), "V", "onset_v", "onset_v_errors"),
        "onset_chance": Field(("hinge",), "1"),
        "onset_slopes": Field(("signal", "hinge"), "1/V"),
        **{
            f"{curve}_feature_{what}": Field((f"{curve}_feature",), "1" if what == "is_ripple" else "angstrom")
            for curve in ("gr", "dgr")
            for what in ("r", "move_shorter", "move_lorch", "is_ripple")
        },
        **_VOXELS,
        **_AXES,
        NAMES: Field((NAMES,), None),
        "q_used": Field(("q_used",), "1/angstrom"),
        "q_binned": Field(("q_binned",), "1/angstrom"),
        "potential_v": Field((), "V"),
        "z_mm": Field((), "mm"),
        **{name: Field((name,), None) for name in ("hinge", "parameter", "signal")},
    },
    states={
        "pdf_recipe": "the transform from I(Q) to G(r), see tsct.analyze.recipe.PdfRecipe.as_attribute",
        "composition, q_min, q_max, q_max_inst, mode, window, r_poly, normalisation, q_damp, q_broad": (
            "the same one by one, from chains that do not write pdf_recipe, which wins where both are"
        ),
        "state_axis": "which coordinate the states are varied along",
        "shared_phases": "phases whose patterns are those of the structures that the data were simulated with",
        "phase_maps": "that none were asked for, where that is so",
        "roi_slice": "slice of the region that is followed",
        "roi_radius_voxels, roi_threshold": "how the region was chosen",
        "reference_density": "number density that patterns per atom were divided by",
        "entry_identifier": "name of the measurement, handed on from the scan",
        "energy_kev, voxel_mm, views": "what was measured",
        "method, backend, filter, pdf_of, absorption": "how it was reconstructed",
        "forward_operator, forward_operator_hash, supersampling, forward_tables, compton_tables": "what it inverts",
    },
)

#: keys of every row of ``scores.json`` below "checks", and types of their values
SCORES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "title", "unit", "verdict", "note"), (str,)),
    **dict.fromkeys(("value", "low", "high", "error"), (int, float, type(None))),
    "n": (int,),
}

#: what an attribute must be, in words
WORDS: dict[Any, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def check(record: "xr.Dataset", schema: Schema, source: str) -> None:
    """Refuse a dataset that lacks a variable or an attribute, or has one with other dims or another unit.

    Raises
    ------
    InputError
        Naming what was expected and what was found.
    """
    for name, array in record.variables.items():
        known_field = schema.field(str(name))
        if known_field is not None:
            _check_variable(str(name), array, known_field, source)
    for name, known in schema.fields.items():
        if known.required and name not in record:
            raise InputError(
                f"{source}: no variable '{name}'; it needs {name}({', '.join(known.dims)}) in {known.units}"
            )
    for name, kind in schema.attrs.items():
        held = record.attrs.get(name)
        if not isinstance(held, kind):
            found = "missing" if held is None else f"'{held}'"
            raise InputError(
                f"{source}: attribute '{name}' is {found}; a {schema.name} needs {WORDS.get(kind, 'a value')} there"
            )


def _check_variable(name: str, array: "xr.Variable", known: Field, source: str) -> None:
    if array.dims[len(array.dims) - len(known.dims) :] != known.dims:
        raise InputError(f"{source}: '{name}' has dims {array.dims}, expected (..., {', '.join(known.dims)})")
    units = array.attrs.get("units")
    if known.units is not None and units not in (known.units, *known.other_units):
        raise InputError(f"{source}: '{name}' has units {units!r}, expected '{known.units}'")


def unknown(record: "xr.Dataset", schema: Schema) -> Iterator[str]:
    """Names that a dataset holds and its schema does not know."""
    return (str(name) for name in record.variables if schema.field(str(name)) is None)


def check_version(version: Any, source: str) -> None:
    """Refuse what was written in another layout than :data:`VERSION`.

    Raises
    ------
    InputError
        For a newer version, an older one or none, with what to do.
    """
    number = version.item() if isinstance(version, np.generic) else version
    whole = isinstance(number, int) and not isinstance(number, bool)
    if whole and number > VERSION:
        raise InputError(f"{source}: written by a newer tsct (schema {number}, known are 1 to {VERSION}); upgrade tsct")
    if not whole or number < 1:
        raise InputError(
            f"{source}: written by no known tsct (schema {number!r}, known are 1 to {VERSION}); write it again"
        )


def check_uniform(values: np.ndarray, what: str) -> float:
    """Return the step of a uniform, increasing grid, or raise :class:`InputError`."""
    steps = np.diff(values)
    if len(values) < 2 or not np.all(np.isfinite(values)) or np.any(steps <= 0):
        raise InputError(f"{what} must hold at least two finite, strictly increasing values")
    step = float(steps.mean())
    if np.max(np.abs(steps - step)) > 1e-3 * step:
        raise InputError(f"{what} is not uniform (steps {steps.min():.6g} to {steps.max():.6g}); resample it first")
    return step
