from .export import Facts, resolution_facts, write_fq, write_gr, write_ndtomo, write_pdfgetx3, write_sq, write_xye
from .patterns import check_q, is_uniform, q_from_two_theta, read_pattern, resample
from .scans import read_scan

__all__ = [
    "Facts",
    "check_q",
    "is_uniform",
    "q_from_two_theta",
    "read_pattern",
    "read_scan",
    "resample",
    "resolution_facts",
    "write_fq",
    "write_gr",
    "write_ndtomo",
    "write_pdfgetx3",
    "write_sq",
    "write_xye",
]
