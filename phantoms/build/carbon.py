"""Disordered carbon: finite stacks of graphene layers, parallel but turned and shifted at random (turbostratic)."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tsct.records.seeds import generator

#: C-C distance in the layers (Handbook of Battery Materials, 2nd ed., p. 271)
BOND_A = 1.42


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacks:
    """Ranges, each (smallest, largest), from which a stack draws its shape.

    Parameters
    ----------
    layers : tuple of int
        Number of layers.
    diameter_a, spacing_a : tuple of float
        Layer diameter and mean layer spacing in angstrom; `spacing_sd_a` spreads the spacings within a stack.
    vacancies : tuple of float
        Share of missing atoms.
    bend_radius_a : tuple of float or None
        Radius of the cylinder that the layers follow; None for flat layers.
    """

    layers: tuple[int, int]
    diameter_a: tuple[float, float]
    spacing_a: tuple[float, float]
    vacancies: tuple[float, float]
    spacing_sd_a: float = 0.1
    bend_radius_a: tuple[float, float] | None = None


#: sizes and spacing of battery-grade blacks: Handbook of Battery Materials, 2nd ed., p. 271; structure: Biscoe &
#: Warren, J. Appl. Phys. 13, 364 (1942)
CARBON_BLACK = Stacks(layers=(3, 5), diameter_a=(15.0, 25.0), spacing_a=(3.50, 3.60), vacancies=(0.02, 0.05))
#: La, Lc and curvature of glassy carbon after Jenkins & Kawamura, Nature 231, 175 (1971) and Harris, Philos. Mag. 84,
#: 3159 (2004); La at the small end of 2-6 nm, to keep the clusters small
GLASSY_CARBON = Stacks(
    layers=(4, 7),
    diameter_a=(22.0, 36.0),
    spacing_a=(3.44, 3.56),
    vacancies=(0.0, 0.02),
    bend_radius_a=(20.0, 60.0),
)


def build_carbon_black(seed: int) -> Atoms:
    """One flat turbostratic stack of carbon black, without hydrogen and without a cell."""
    return build_stack(CARBON_BLACK, generator(seed, "carbon black"))


def build_glassy_carbon(seed: int) -> Atoms:
    """One stack of curved layers of glassy carbon, without hydrogen and without a cell."""
    return build_stack(GLASSY_CARBON, generator(seed, "glassy carbon"))


def build_stack(shape: Stacks, rng: np.random.Generator) -> Atoms:
    """Draw one stack.

    Bending follows concentric cylinders, which keeps all distances along a layer, and so the bonds, as they are.

    Returns
    -------
    ase.Atoms
        Carbon; ``arrays["layer"]`` (n,) numbers the layers, ``info`` holds what was drawn.
    """
    layers = int(rng.integers(shape.layers[0], shape.layers[1] + 1))
    diameter, spacing, vacancies = (rng.uniform(*span) for span in (shape.diameter_a, shape.spacing_a, shape.vacancies))
    radius = rng.uniform(*shape.bend_radius_a) if shape.bend_radius_a else np.inf
    heights = np.concatenate([[0.0], np.cumsum(rng.normal(spacing, shape.spacing_sd_a, layers - 1))])
    sheets = [_bend(_defective(_sheet(diameter, rng), vacancies, rng), height, radius) for height in heights]
    atoms = Atoms("C" * sum(map(len, sheets)), positions=np.concatenate(sheets))
    atoms.set_array("layer", np.repeat(np.arange(layers), [len(sheet) for sheet in sheets]))
    atoms.info = {"diameter_a": diameter, "spacing_a": spacing, "vacancies": vacancies, "bend_radius_a": radius}
    return atoms


def _sheet(diameter_a: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Disc (n, 2) of graphene with a random origin and orientation."""
    edge = np.sqrt(3.0) * BOND_A
    vectors = edge * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    reach = int(diameter_a / edge) + 3
    steps = np.stack(np.meshgrid(*2 * [np.arange(-reach, reach + 1)], indexing="ij"), axis=-1).reshape(-1, 2)
    second = (vectors[0] + vectors[1]) / 3.0
    lattice = np.concatenate([steps @ vectors, steps @ vectors + second]) + rng.random(2) @ vectors
    angle = rng.uniform(0.0, 2.0 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return lattice[np.hypot(*lattice.T) <= diameter_a / 2] @ turn.T


def _defective(sheet: NDArray[np.float64], vacancies: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The sheet without a share of its atoms, and without those left with fewer than two neighbours."""
    sheet = sheet[rng.random(len(sheet)) >= vacancies]
    while len(sheet):
        bonded = cKDTree(sheet).query_ball_point(sheet, 1.1 * BOND_A, return_length=True) - 1
        if np.all(bonded >= 2):
            break
        sheet = sheet[bonded >= 2]
    return sheet


def _bend(sheet: NDArray[np.float64], height_a: float, radius_a: float) -> NDArray[np.float64]:
    """Positions (n, 3) of a sheet at a height, wrapped on a cylinder about the y axis, larger by that height."""
    x, y = sheet.T
    if not np.isfinite(radius_a):
        return np.column_stack([x, y, np.full(len(sheet), height_a)])
    radius = radius_a + height_a
    return np.column_stack([radius * np.sin(x / radius), y, radius * np.cos(x / radius) - radius_a])
