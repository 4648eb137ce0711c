from .analysis_page import PAGE, write_analysis_page
from .check_pages import checks_page
from .figures import (
    DASHES,
    FAINT,
    FOUND,
    NAIVE,
    PLATES,
    Q_LABEL,
    R_LABEL,
    SECOND,
    SMALL,
    THIRD,
    TRUTH,
    Sources,
    around,
    legend,
    sheet,
    tidy,
)
from .figures.plates import plates
from .report import SIGNS, write_report
from .wragg2023_table import ANSWERS

__all__ = [
    "ANSWERS",
    "DASHES",
    "FAINT",
    "FOUND",
    "NAIVE",
    "PAGE",
    "PLATES",
    "Q_LABEL",
    "R_LABEL",
    "SECOND",
    "SIGNS",
    "SMALL",
    "THIRD",
    "TRUTH",
    "Sources",
    "around",
    "checks_page",
    "legend",
    "plates",
    "sheet",
    "tidy",
    "write_analysis_page",
    "write_report",
]
