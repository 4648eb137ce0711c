from .chain import chain, with_region
from .difference import fit_difference
from .fbp import fbp, fbp_variance
from .geometry import ParallelGeometry
from .pdf import pdf, pdf_operator
from .recipe import PdfRecipe, Recipe, Roi
from .reconstruct import reconstruct
from .reference import fit_reference
from .series import fit_series
from .tables import parse_composition

__all__ = [
    "ParallelGeometry",
    "PdfRecipe",
    "Recipe",
    "Roi",
    "chain",
    "fbp",
    "fbp_variance",
    "fit_difference",
    "fit_reference",
    "fit_series",
    "parse_composition",
    "pdf",
    "pdf_operator",
    "reconstruct",
    "with_region",
]
