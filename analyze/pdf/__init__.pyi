from .bin_correlation import SharedPixels, shared_pixels
from .curves import curve_records
from .density import Density
from .one_pattern import pdf
from .peaks import PdfPeak, between, extremum, first_peaks
from .termination_ripples import ripple_test
from .transform import PdfOperator, pdf_operator
from .xray_tables import (
    compton_weight,
    form_factor,
    mean_compton,
    mean_f,
    mean_f2,
    parse_composition,
    sensor_efficiency,
)

__all__ = [
    "Density",
    "PdfOperator",
    "PdfPeak",
    "SharedPixels",
    "between",
    "compton_weight",
    "curve_records",
    "extremum",
    "first_peaks",
    "form_factor",
    "mean_compton",
    "mean_f",
    "mean_f2",
    "parse_composition",
    "pdf",
    "pdf_operator",
    "ripple_test",
    "sensor_efficiency",
    "shared_pixels",
]
