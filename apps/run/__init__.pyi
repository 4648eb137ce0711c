from .cluster import Cluster
from .experiment import load
from .tiles import run_tile, tile_name
from .workers import mapped

__all__ = [
    "Cluster",
    "load",
    "mapped",
    "run_tile",
    "tile_name",
]
