from .discharge import Discharge, discharge
from .sample import CellGeometry, Electrode, Phantom, Texture, wragg2023
from .structures.files import read_structure
from .structures.library import Structure, lithiated_series, rebuild, structure, structure_names

__all__ = [
    "CellGeometry",
    "Discharge",
    "Electrode",
    "Phantom",
    "Structure",
    "Texture",
    "discharge",
    "lithiated_series",
    "read_structure",
    "rebuild",
    "structure",
    "structure_names",
    "wragg2023",
]
