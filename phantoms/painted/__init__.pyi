from .changes import Change
from .labels import Labels
from .sample import PaintedSample, Phase, strained
from .shapes import AnySolid, Box, Cylinder, Ellipse, Layer, Packing, Prism, Solid, Sphere, Tube
from .textures import Texture
from .truth import sample_truth

__all__ = [
    "AnySolid",
    "Box",
    "Change",
    "Cylinder",
    "Ellipse",
    "Labels",
    "Layer",
    "Packing",
    "PaintedSample",
    "Phase",
    "Prism",
    "Solid",
    "Sphere",
    "Texture",
    "Tube",
    "sample_truth",
    "strained",
]
