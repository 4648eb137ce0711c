"""The truth of a simulated experiment: what a perfect analysis would find. It travels beside the scan, never in it."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.phantoms import Sample
from tsct.phantoms.structures import Structure
from tsct.records.provenance import source_hash
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


def truth(phantom: Sample, beamline: Beamline, seed: int) -> xr.Dataset:
    """The phantom's truth on the voxels of the scan, with what the beamline did to it.

    Returns
    -------
    xarray.Dataset
        See :func:`tsct.phantoms.truth.phantom_truth`; with it the true rotation axis, the size of every fault and the
        gain patterns, and in its attributes what operator and tables made the data, on how fine a grid.
    """
    record = phantom.truth(beamline.scan.translations, beamline.scan.step_mm)
    record.attrs |= {
        "axis_mm": beamline.faults.axis_offset_mm,
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
    record["channel_gain"] = (("state", "q"), patterns, {"units": "1"})
    seen = detector_response(beamline)
    weight = seen.compton / seen.coherent
    record["compton_weight"] = ("q", weight, {"units": "1", "long_name": "Compton over elastic, both corrected alike"})
    record = record.assign_coords(q=("q", beamline.scan.q, {"units": "1/angstrom"}))
    record["translation_gain"] = ("translation", gains(beamline, seed, 0)[0], {"units": "1"})
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
    per_atom = {"units": "electron units/atom"}
    return xr.Dataset(
        {
            "coherent": (
                ("structure", "q"),
                np.stack([table[name].coherent for name in names]),
                per_atom,
            ),
            "compton": (("structure", "q"), np.stack([table[name].compton for name in names]), per_atom),
            "second_shell": (
                ("structure", "q"),
                np.stack([table[name].second_shell for name in names]),
                {**per_atom, "long_name": "change of the coherent scattering if all second-shell order were lost"},
            ),
            "gr": (
                ("structure", "r"),
                np.stack([_untruncated(materials[name], tuple(r), q_min) for name in names]),
                {"units": "1/angstrom^2", "long_name": "G(r), not truncated"},
            ),
            "fq": (
                ("structure", "q_far"),
                np.stack([_reduced(materials[name], tuple(far)) for name in names]),
                {"units": "1/angstrom", "long_name": "F(Q) of the structure alone"},
            ),
            "density": (
                "structure",
                [materials[name].number_density_per_a3 for name in names],
                {"units": "1/angstrom^3"},
            ),
            "composition": (("structure", "element"), shares, {"units": "1", "long_name": "atom fractions"}),
            **{f"structure_{key}": ("structure", [getattr(materials[name], key) for name in names]) for key in RECORD},
        },
        coords={
            "element": ("element", elements),
            "structure": ("structure", np.arange(len(names))),
            "structure_name": ("structure", names),
            "q": ("q", q, {"units": "1/angstrom"}),
            "q_far": ("q_far", far, {"units": "1/angstrom"}),
            "r": ("r", r, {"units": "angstrom"}),
        },
    )


@lru_cache(maxsize=64)
def _untruncated(material: Structure, r: tuple[float, ...], q_min: float) -> NDArray[np.float64]:
    """G(r) of one structure; kept, because experiments that differ elsewhere share it."""
    return structure_pair_distribution(material, np.array(r), q_min)


@lru_cache(maxsize=64)
def _reduced(material: Structure, q: tuple[float, ...]) -> NDArray[np.float64]:
    """F(Q) of one structure, kept likewise."""
    return structure_reduced(material, np.array(q))
