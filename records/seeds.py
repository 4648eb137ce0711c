"""Random numbers that depend on what is drawn, never on the order in which it is drawn."""

import zlib

import numpy as np


def generator(root_seed: int, *task: str | int) -> np.random.Generator:
    """Random generator for one task of a run.

    Parameters
    ----------
    root_seed : int
        The seed of the whole run, zero or larger.
    *task : str or int
        What the numbers are for, such as ``("poisson", state, slice)``. Words enter through their CRC-32.

    Returns
    -------
    numpy.random.Generator
        Always the same stream for the same (root, task), whichever process asks and in which order.
    """
    key = tuple(zlib.crc32(part.encode()) if isinstance(part, str) else int(part) for part in task)
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(entropy=root_seed, spawn_key=key)))
