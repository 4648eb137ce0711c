from .axis_of_states import state_axis
from .check import Check, NotRunError
from .phase_amounts import common_phases, phase_map, phase_names
from .recovered import complete_recovered
from .recovered_files import read_recovered
from .region_states import second_shell_loss, stated_operator, through_states
from .region_truth import untruncated_pdf

__all__ = [
    "Check",
    "NotRunError",
    "common_phases",
    "complete_recovered",
    "phase_map",
    "phase_names",
    "read_recovered",
    "second_shell_loss",
    "state_axis",
    "stated_operator",
    "through_states",
    "untruncated_pdf",
]
