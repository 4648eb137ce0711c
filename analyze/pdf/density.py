"""The number density of a sample."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Density:
    """Atoms per cubic angstrom, and their standard deviation."""

    atoms_per_a3: float
    error: float = 0.0
