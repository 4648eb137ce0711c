"""Errors of the onset potentials that the hinge fit will find in the series."""

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.pdf import PdfOperator
from tsct.analyze.phases import HINGED, PARAMETERS, fit_hinges
from tsct.phantoms import Phantom, state_truth


def onset_errors(phantom: Phantom, matrix: NDArray, operator: PdfOperator, variance: NDArray) -> NDArray[np.float64]:
    """Errors of the hinge fit on the true signals with the errors that the region will have, volts.

    NaN for onsets that these errors will not let the fit tell from fewer.
    """
    truth = state_truth(phantom)
    potentials = np.array(phantom.discharge.potentials_v)
    if len(potentials) < 6 or not truth["lithium_per_silicon"].any():
        return np.full(3, np.nan)
    true = {
        "silicon_lithium": truth["lithium_neighbours"],
        "shift": truth["silicon_distance"],
        "second_shell": -truth["second_shell_loss"],
    }
    rows = [PARAMETERS.index(name) for name in HINGED]
    own = (matrix @ operator.covariance(variance) @ matrix.T)[np.ix_(rows, rows)]
    states = len(potentials) - 1
    # all differences share the reference
    covariance = np.einsum("ij,ab->iajb", own, np.eye(states) + 1.0)
    signals = np.stack([true[name][1:] - true[name][0] for name in HINGED])
    return fit_hinges(potentials[1:], signals, covariance).errors_v
