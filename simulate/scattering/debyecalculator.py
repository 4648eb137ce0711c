"""Debye scattering by the independent package DebyeCalculator, on a graphics card where there is one."""

import warnings

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from tsct.phantoms.structures import Thermal
from tsct.records.errors import UsageError

from .pair_histogram import checked


def debyecalculator_scattering(
    atoms: Atoms, q: NDArray[np.float64], thermal: Thermal, *, single_precision: bool = False
) -> NDArray[np.float64]:
    """Coherent intensity of a cluster by DebyeCalculator (Johansen et al., J. Open Source Softw. 9, 6024 (2024)).

    Its I(Q) counts every pair once and halves the self-scattering: it is half of the Debye double sum over the whole
    cluster, and its S(Q), F(Q) and G(r) are half of those of Faber and Ziman. Here the double sum per atom is returned.
    Its form factor of hydrogen is the Waasmaier-Kirfel fit, not the exact 1s form.

    Parameters
    ----------
    atoms : ase.Atoms
        Cluster.
    q : numpy.ndarray, shape (n,)
        Evenly spaced, rising momentum transfer in 1/angstrom.
    thermal : Thermal
        Must be at rest; use engine "tsct" for thermal motion.
    single_precision : bool
        Sum in float32, its own default, instead of float64.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Intensity in electron units per atom.

    Raises
    ------
    UsageError
        If the package is absent or not made for this case.
    """
    checked(atoms)
    if atoms.pbc.any():
        raise UsageError("engine 'debyecalculator' has no periodic boxes; use engine='tsct' or set pbc=False")
    if any(thermal.u_iso.values()):
        raise UsageError("engine 'debyecalculator' is for atoms at rest; use engine='tsct' for thermal motion")
    step = float(q[-1] - q[0]) / (q.size - 1) if q.size > 1 else 0.0
    if step <= 0.0 or not np.allclose(np.diff(q), step, rtol=0.0, atol=1e-9):
        raise UsageError("engine 'debyecalculator' needs at least two evenly spaced, rising values of Q")
    try:
        import torch
        from debyecalculator import DebyeCalculator
    except ImportError as error:
        raise UsageError(
            "engine 'debyecalculator' is not installed: pip install torch debyecalculator, or use engine='tsct'"
        ) from error
    with warnings.catch_warnings():
        # it reads its tables in a way that newer versions of Python warn about
        warnings.simplefilter("ignore", DeprecationWarning)
        engine = DebyeCalculator(
            qmin=float(q[0]),
            qmax=float(q[-1]) + 0.5 * step,
            qstep=step,
            # its warning about large Q steps concerns G(r), which is not used; a short r range keeps it silent
            rmax=1.0,
            rstep=0.01,
            biso=0.0,
            dtype=torch.float32 if single_precision else torch.float64,
            device="cuda" if torch.cuda.is_available() else "cpu",
        )
    _, intensity = engine.iq(atoms)
    return 2.0 * np.asarray(intensity, dtype=float) / len(atoms)
