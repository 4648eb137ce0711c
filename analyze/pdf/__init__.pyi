from .curves import curve_records
from .peaks import Peak, between, extremum, strongest_peaks
from .transform import PdfOperator, pdf, pdf_operator
from .xray_tables import compton_weight, form_factor, mean_compton, mean_f, mean_f2, parse_composition

__all__ = [
    "PdfOperator",
    "Peak",
    "between",
    "compton_weight",
    "curve_records",
    "extremum",
    "form_factor",
    "mean_compton",
    "mean_f",
    "mean_f2",
    "parse_composition",
    "pdf",
    "pdf_operator",
    "strongest_peaks",
]
