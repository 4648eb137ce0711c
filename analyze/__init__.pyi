from .chain import analyze_tile, chain, default_recipe, for_its_composition, with_region
from .export import Facts, resolution_facts, write_fq, write_gr, write_ndtomo, write_pdfgetx3, write_sq, write_xye
from .pdf.one_pattern import pdf
from .pdf.transform import pdf_operator
from .pdf.xray_tables import parse_composition
from .phases.difference_fit import fit_difference
from .phases.reference_fit import fit_reference
from .phases.series import fit_series
from .recipe.pdf_recipe import PdfRecipe
from .recipe.recipe import Recipe
from .recipe.region import Roi
from .region import reference_tile
from .scan_record import NO_PHASES, collect, lean
from .tomography.channel_scatter import pair_scatter_over_errors, scatter_over_errors
from .tomography.fbp import fbp, fbp_variance
from .tomography.geometry import ParallelGeometry
from .tomography.reconstruct import reconstruct

__all__ = [
    "NO_PHASES",
    "Facts",
    "ParallelGeometry",
    "PdfRecipe",
    "Recipe",
    "Roi",
    "analyze_tile",
    "chain",
    "collect",
    "default_recipe",
    "fbp",
    "fbp_variance",
    "fit_difference",
    "fit_reference",
    "fit_series",
    "for_its_composition",
    "lean",
    "pair_scatter_over_errors",
    "parse_composition",
    "pdf",
    "pdf_operator",
    "reconstruct",
    "reference_tile",
    "resolution_facts",
    "scatter_over_errors",
    "with_region",
    "write_fq",
    "write_gr",
    "write_ndtomo",
    "write_pdfgetx3",
    "write_sq",
    "write_xye",
]
