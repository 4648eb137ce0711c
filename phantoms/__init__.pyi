from .cell import LITHIUM_VOLUME_A3, Phantom
from .discharge import POTENTIALS_V, QUICK_POTENTIALS_V, Discharge, discharge
from .electrode import Electrode, Texture
from .geometry import CellGeometry
from .sample import Contents, Part, Sample
from .states import States
from .structures.describe import describe
from .structures.files import read_structure
from .structures.library import Structure, lithiated_series, rebuild, structure, structure_names
from .truth import phantom_truth, shells, state_truth
from .wragg2023 import MATERIALS, SLICES_Z_MM, default_materials, wragg2023

__all__ = [
    "LITHIUM_VOLUME_A3",
    "MATERIALS",
    "POTENTIALS_V",
    "QUICK_POTENTIALS_V",
    "SLICES_Z_MM",
    "CellGeometry",
    "Contents",
    "Discharge",
    "Electrode",
    "Part",
    "Phantom",
    "Sample",
    "States",
    "Structure",
    "Texture",
    "default_materials",
    "describe",
    "discharge",
    "lithiated_series",
    "phantom_truth",
    "read_structure",
    "rebuild",
    "shells",
    "state_truth",
    "structure",
    "structure_names",
    "wragg2023",
]
