from .describe import bond_angles_deg, boxed, describe, rings_per_atom, shell_limit_a
from .files import FORMATS, read_structure
from .library import Structure, lithiated_series, molar_mass_g_mol, rebuild, structure, structure_names
from .thermal import STATIC, AtRestWarning, Thermal

__all__ = [
    "FORMATS",
    "STATIC",
    "AtRestWarning",
    "Structure",
    "Thermal",
    "bond_angles_deg",
    "boxed",
    "describe",
    "lithiated_series",
    "molar_mass_g_mol",
    "read_structure",
    "rebuild",
    "rings_per_atom",
    "shell_limit_a",
    "structure",
    "structure_names",
]
