from .assembly import Assembly
from .lone_bins import bridged, check_gaps, unmeasured_points, without_lone_bins
from .outline import ScanOutline, outline_scan
from .pattern_stacks import PatternStack, is_hdf5, read_pattern_stack
from .patterns import check_q, evened, is_uniform, q_from_two_theta, read_columns, read_pattern, resample
from .scans import SCAN_ATTRS, SCAN_NAMES, parts_of_scan, read_scan
from .text_headers import UNITS, RadialUnit, named_unit
from .unmeasured import DROPPED

__all__ = [
    "DROPPED",
    "SCAN_ATTRS",
    "SCAN_NAMES",
    "UNITS",
    "Assembly",
    "PatternStack",
    "RadialUnit",
    "ScanOutline",
    "bridged",
    "check_gaps",
    "check_q",
    "evened",
    "is_hdf5",
    "is_uniform",
    "named_unit",
    "outline_scan",
    "parts_of_scan",
    "q_from_two_theta",
    "read_columns",
    "read_pattern",
    "read_pattern_stack",
    "read_scan",
    "resample",
    "unmeasured_points",
    "without_lone_bins",
]
