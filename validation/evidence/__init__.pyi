from .check import Check, NotRunError
from .recovered import complete_recovered
from .recovered_files import read_recovered
from .region_states import stated_operator, through_states
from .region_truth import untruncated_pdf

__all__ = [
    "Check",
    "NotRunError",
    "complete_recovered",
    "read_recovered",
    "stated_operator",
    "through_states",
    "untruncated_pdf",
]
