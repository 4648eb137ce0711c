"""Turbostratic stacks: geometry of graphene, bending, defects, ranges."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from tsct.phantoms.build.carbon import (
    CARBON_BLACK,
    GLASSY_CARBON,
    Stacks,
    build_carbon_black,
    build_glassy_carbon,
    build_stack,
)

#: pair distances of graphene with a 1.420 A bond, and neighbours at each (exact geometry of the honeycomb)
GRAPHENE_SHELLS = {1.420: 3, 2.460: 6, 2.840: 3, 3.757: 6, 4.260: 6, 4.919: 6, 5.120: 6}
FLAT = Stacks(layers=(1, 1), diameter_a=(60.0, 60.0), spacing_a=(3.5, 3.5), vacancies=(0.0, 0.0))


def test_a_perfect_layer_has_the_distances_of_graphene():
    positions = build_stack(FLAT, np.random.default_rng(1)).positions
    middle = np.argsort(np.hypot(*positions[:, :2].T))[:20]
    distances = np.linalg.norm(positions[middle, None] - positions, axis=2)
    for r, neighbours in GRAPHENE_SHELLS.items():
        # the list is rounded to 1e-3 A
        assert np.all(np.count_nonzero(np.abs(distances - r) < 1e-3, axis=1) == neighbours)
    assert np.count_nonzero((distances > 0.1) & (distances < 5.125)) == 20 * sum(GRAPHENE_SHELLS.values())


def test_the_areal_density_is_that_of_graphene():
    positions = build_stack(FLAT, np.random.default_rng(2)).positions
    area_per_atom = 3.0 * np.sqrt(3.0) / 4.0 * 1.42**2
    # the pruned rim is one bond wide
    assert len(positions) == pytest.approx(np.pi * 30.0**2 / area_per_atom, rel=2 * 1.42 / 30.0)


def test_bending_keeps_bonds_and_curves_the_layer():
    shape = replace(FLAT, layers=(2, 2), diameter_a=(30.0, 30.0), spacing_sd_a=0.0, bend_radius_a=(20.0, 20.0))
    bent = build_stack(shape, np.random.default_rng(3))
    inner, outer = (bent.positions[bent.arrays["layer"] == layer] for layer in (0, 1))
    for sheet, radius in ((inner, 20.0), (outer, 23.5)):
        np.testing.assert_allclose(np.hypot(sheet[:, 0], sheet[:, 2] + 20.0), radius, rtol=0, atol=1e-9)
        bonds = cKDTree(sheet).query(sheet, k=2)[0][:, 1]
        # a chord is shorter than its arc by bond^3 / (24 R^2), at most 3e-4 A
        np.testing.assert_allclose(bonds, 1.42, rtol=0, atol=4e-4)


@pytest.mark.parametrize(("build", "shape"), [(build_carbon_black, CARBON_BLACK), (build_glassy_carbon, GLASSY_CARBON)])
def test_stacks_stay_within_their_ranges(build, shape):
    spacings = []
    for seed in range(12):
        atoms = build(seed)
        layers = atoms.arrays["layer"].max() + 1
        assert shape.layers[0] <= layers <= shape.layers[1]
        assert shape.diameter_a[0] <= atoms.info["diameter_a"] <= shape.diameter_a[1]
        radius = atoms.info["bend_radius_a"] if np.isfinite(atoms.info["bend_radius_a"]) else None
        x, _, z = atoms.positions.T
        height = z if radius is None else np.hypot(x, z + radius) - radius
        per_layer = [height[atoms.arrays["layer"] == layer] for layer in range(layers)]
        assert max(np.ptp(layer) for layer in per_layer) < 1e-9
        spacings += np.diff([layer.mean() for layer in per_layer]).tolist()
    # mean of at least 36 spacings with a scatter of 0.1 A within a stack: 3 standard errors
    assert shape.spacing_a[0] - 0.05 < np.mean(spacings) < shape.spacing_a[1] + 0.05
    assert 0.05 < np.std(spacings) < 0.15


@pytest.mark.parametrize("build", [build_carbon_black, build_glassy_carbon])
def test_no_atom_hangs_on_a_single_bond(build):
    atoms = build(4)
    neighbours = cKDTree(atoms.positions).query_ball_point(atoms.positions, 1.5, return_length=True) - 1
    assert neighbours.min() >= 2 and neighbours.max() == 3


def test_vacancies_are_as_many_as_drawn():
    holes = replace(FLAT, diameter_a=(80.0, 80.0), vacancies=(0.05, 0.05))
    whole, holed = (build_stack(shape, np.random.default_rng(5)) for shape in (FLAT, holes))
    expected = len(whole) * (80.0 / 60.0) ** 2 * 0.95
    # binomial scatter (0.5 %), rim, and the few atoms pruned beside vacancies
    assert len(holed) == pytest.approx(expected, rel=0.03)


def test_layers_are_turned_against_each_other():
    atoms = build_carbon_black(7)
    angles = []
    for layer in range(atoms.arrays["layer"].max() + 1):
        sheet = atoms.positions[atoms.arrays["layer"] == layer, :2]
        first, second = next(iter(cKDTree(sheet).query_pairs(1.5)))
        angles.append(np.degrees(np.arctan2(*(sheet[first] - sheet[second])[::-1])) % 60.0)
    assert np.ptp(angles) > 1.0
    assert pdist(atoms.positions).min() > 1.41


def test_the_seed_decides():
    assert np.array_equal(build_carbon_black(3).positions, build_carbon_black(3).positions)
    assert len(build_carbon_black(3)) != len(build_carbon_black(4))
