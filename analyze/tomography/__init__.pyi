from .fbp import fbp, fbp_variance, fbp_weights
from .geometry import ParallelGeometry
from .reconstruct import reconstruct
from .rotation_axis import find_axis, find_geometry

__all__ = [
    "ParallelGeometry",
    "fbp",
    "fbp_variance",
    "fbp_weights",
    "find_axis",
    "find_geometry",
    "reconstruct",
]
