"""The truth of a simulated experiment: what a perfect analysis would find. It travels beside the scan, never in it."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.phantoms import Sample
from tsct.phantoms.structures import Structure
from tsct.records.provenance import source_hash
from tsct.records.schema import PHASES, TRUTH
from tsct.simulate.beamline.beamline import Beamline
from tsct.simulate.beamline.response import detector_response
from tsct.simulate.beampath.phase_spectra import Spectra
from tsct.simulate.beampath.sinogram import FINE, field_loss
from tsct.simulate.scattering.scattering import structure_pair_distribution, structure_reduced
from tsct.simulate.scattering.xray_tables import Q_MAX_TABLE

from .identity import IDENTIFIER, identifier
from .scan import gains

#: step of Q in F(Q), 1/angstrom: its sums repeat in r after 314 angstrom, twice the reach of the widest structure
Q_FAR_STEP = 0.02
#: what the record of a structure says about it in words
RECORD = ("title", "recipe", "energy_model", "sources", "limits")
SPECTRA = ("coherent", "compton", "second_shell")
LONG_NAMES = {
    "second_shell": {"long_name": "change of the coherent scattering if all second-shell order were lost"},
    "gr": {"long_name": "G(r), not truncated"},
    "fq": {"long_name": "F(Q) of the structure alone"},
    "composition": {"long_name": "atom fractions"},
}


def truth(phantom: Sample, beamline: Beamline, seed: int) -> xr.Dataset:
    """The phantom's truth on the voxels of the scan, with what the beamline did to it.

    Returns
    -------
    xarray.Dataset
        See :func:`tsct.phantoms.truth.phantom_truth`; with it the true rotation axis, the size of every fault, the
        shares of the physics, the gain patterns, and in its attributes what operator and tables made the data, on how
        fine a grid.
    """
    record = phantom.truth(beamline.scan.translations, beamline.scan.step_mm)
    record.attrs |= {
        "axis_mm": beamline.faults.axis_offset_mm,
        "physics": asdict(beamline.physics),
        "faults": asdict(beamline.faults),
        "share_outside_field": field_loss(phantom, beamline),
        "missing_wedge_deg": max(0.0, 180.0 - beamline.scan.angular_range_deg),
        "seed": seed,
        IDENTIFIER: identifier(phantom, beamline, seed),
        "energy_kev": beamline.energy_kev,
        "forward_operator": f"strip area, truth grid {FINE} x {FINE} pixels and 5 layers per voxel",
        "forward_operator_hash": source_hash("tsct.simulate.beampath.projector", "tsct.simulate.beampath.sinogram"),
        "supersampling": FINE,
        "voxel_mm": beamline.scan.step_mm,
        "forward_tables": "xraydb (Waasmaier-Kirfel form factors, Elam absorption)",
        "compton_tables": "xraylib incoherent scattering",
    }
    states = range(len(phantom.states.values))
    patterns = np.stack([gains(beamline, seed, state)[1] for state in states])
    record["channel_gain"] = TRUTH.variable("channel_gain", patterns)
    seen = detector_response(beamline)
    weight = seen.compton / seen.coherent
    corrected = {"long_name": "Compton over elastic, both corrected alike"}
    record["compton_weight"] = TRUTH.variable("compton_weight", weight, **corrected)
    record = record.assign_coords(q=TRUTH.variable("q", beamline.scan.q))
    record["translation_gain"] = TRUTH.variable("translation_gain", gains(beamline, seed, 0)[0])
    return record


def phase_truth(
    phantom: Sample, table: Mapping[str, Spectra], q: NDArray[np.float64], r: NDArray[np.float64], q_min: float
) -> xr.Dataset:
    """Every phase on its own: scattering (structure, q), untruncated G(r) (structure, r), F(Q) (structure, q_far).

    F(Q) reaches to the end of the tables of form factors, beyond which G(r) takes weights of partials as constant. A
    mixture has one G(r) with weights that change with Q, which takes both
    (:mod:`tsct.validation.evidence.region_truth`).
    """
    materials = {material.name: material for material in phantom.structures}
    names = list(materials)
    elements = sorted({symbol for material in materials.values() for symbol in material.composition})
    shares = [[materials[name].composition.get(symbol, 0.0) for symbol in elements] for name in names]
    far = q_min + Q_FAR_STEP * np.arange(int((Q_MAX_TABLE - q_min) / Q_FAR_STEP) + 1)
    values: dict[str, Any] = {
        **{key: np.stack([getattr(table[name], key) for name in names]) for key in SPECTRA},
        "gr": np.stack([_untruncated(materials[name], tuple(r), q_min) for name in names]),
        "fq": np.stack([_reduced(materials[name], tuple(far)) for name in names]),
        "density": [materials[name].number_density_per_a3 for name in names],
        "composition": shares,
    }
    words = {f"structure_{key}": ("structure", [getattr(materials[name], key) for name in names]) for key in RECORD}
    axes = {"element": elements, "structure": np.arange(len(names)), "q": q, "q_far": far, "r": r}
    return xr.Dataset(
        {name: PHASES.variable(name, value, **LONG_NAMES.get(name, {})) for name, value in values.items()} | words,
        coords={name: PHASES.variable(name, value) for name, value in axes.items()}
        | {"structure_name": ("structure", names)},
    )


@lru_cache(maxsize=64)
def _untruncated(material: Structure, r: tuple[float, ...], q_min: float) -> NDArray[np.float64]:
    """G(r) of one structure; kept, because experiments that differ elsewhere share it."""
    return structure_pair_distribution(material, np.array(r), q_min)


@lru_cache(maxsize=64)
def _reduced(material: Structure, q: tuple[float, ...]) -> NDArray[np.float64]:
    """F(Q) of one structure, kept likewise."""
    return structure_reduced(material, np.array(q))
