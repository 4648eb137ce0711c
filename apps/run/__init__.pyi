from .analysis_phases import structure_phase, structure_shells
from .cluster import Cluster
from .experiment import load
from .tiles import run_tile, tile_name
from .workers import mapped

__all__ = [
    "Cluster",
    "load",
    "mapped",
    "run_tile",
    "structure_phase",
    "structure_shells",
    "tile_name",
]
