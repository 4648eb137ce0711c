from .discharge import POTENTIALS_V, QUICK_POTENTIALS_V, Discharge, discharge
from .sample import (
    LITHIUM_VOLUME_A3,
    CellGeometry,
    Contents,
    Electrode,
    Part,
    Phantom,
    Texture,
    default_materials,
    wragg2023,
)
from .structures.describe import describe
from .structures.files import read_structure
from .structures.library import Structure, lithiated_series, rebuild, structure, structure_names
from .truth import shells, state_truth

__all__ = [
    "LITHIUM_VOLUME_A3",
    "POTENTIALS_V",
    "QUICK_POTENTIALS_V",
    "CellGeometry",
    "Contents",
    "Discharge",
    "Electrode",
    "Part",
    "Phantom",
    "Structure",
    "Texture",
    "default_materials",
    "describe",
    "discharge",
    "lithiated_series",
    "read_structure",
    "rebuild",
    "shells",
    "state_truth",
    "structure",
    "structure_names",
    "wragg2023",
]
