"""The truth of the region of interest: phases add up, and their transform agrees with a closed form."""

from dataclasses import fields, replace

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.pdf.xray_tables import mean_compton, mean_f, mean_f2
from tsct.analyze.recipe import PdfRecipe, stated_recipe
from tsct.validation.evidence.region_states import stated_operator
from tsct.validation.evidence.region_truth import roi_truth

Q, R = 0.02 * np.arange(1, 1501), 0.02 * np.arange(1, 401)
#: from the first channel to the end of the tables of form factors
FAR = 0.02 * np.arange(1, 3761)
#: one shell of each structure: element, neighbours, distance and spread in angstrom
SHELLS = {"a": ("Si", 4.0, 2.35, 0.12), "b": ("C", 3.0, 3.10, 0.15), "c": ("Si", 12.0, 3.83, 0.15)}
#: exp(-6.5) of a shell is left at 30 1/A; the polynomial acts below its 0.6 A and fades out
BEYOND = R > 1.5
SHARP = {"a": ("Si", 4.0, 2.35, 0.04)}


def shell_pdf(number, distance, sigma):
    """Closed form of G(r) of Debye's term N sin(Q d) / (Q d) exp(-Q^2 sigma^2 / 2), Qmax infinite."""
    peak = [np.exp(-((R + sign * distance) ** 2) / (2 * sigma**2)) for sign in (-1, 1)]
    return number / (distance * sigma * np.sqrt(2 * np.pi)) * (peak[0] - peak[1])


def phases(names):
    """Scattering of structures that are one shell each."""
    elements = sorted({SHELLS[name][0] for name in names})
    coherent, compton, gr, fq = [], [], [], []
    for name in names:
        element, number, distance, sigma = SHELLS[name]
        coherent.append(debye(name, Q))
        compton.append(mean_compton({element: 1.0}, Q))
        gr.append(shell_pdf(number, distance, sigma))
        fq.append(FAR * number * np.sinc(FAR * distance / np.pi) * np.exp(-((FAR * sigma) ** 2) / 2))
    shares = [[float(SHELLS[name][0] == element) for element in elements] for name in names]
    return xr.Dataset(
        {
            "coherent": (("structure", "q"), coherent),
            "compton": (("structure", "q"), compton),
            "gr": (("structure", "r"), gr),
            "fq": (("structure", "q_far"), fq),
            "composition": (("structure", "element"), shares),
        },
        coords={"structure_name": ("structure", list(names)), "element": elements, "q": Q, "q_far": FAR, "r": R},
    )


def debye(name, q):
    """Coherent scattering of one shell, electron units per atom."""
    element, number, distance, sigma = SHELLS[name]
    wave = np.sinc(q * distance / np.pi) * np.exp(-((q * sigma) ** 2) / 2)
    return mean_f2({element: 1.0}, q) + number * mean_f({element: 1.0}, q) ** 2 * wave


def truth(densities):
    """Phases in two voxels of two slices; only the first voxel of slice 1 is in the region."""
    maps = np.full((len(densities), 2, 1, 2), 0.5)
    maps[:, 1, 0, 0] = list(densities.values())
    return xr.Dataset(
        {"phase_density": (("phase", "slice", "y", "x"), maps)},
        coords={"phase_structure": ("phase", list(densities)), "slice": [0, 1]},
    )


def found(composition, q_max=30.0):
    attrs = {"q_min": 0.02, "q_max": q_max, "mode": "absolute", "window": "none", "composition": composition}
    return xr.Dataset(
        {"roi": (("y", "x"), np.array([[1, 0]])), "compton_weight": ("q", np.ones_like(Q))},
        coords={"q": Q, "r": R},
        attrs=attrs | {"roi_slice": 1},
    )


def test_one_structure_is_its_own_truth():
    true = roi_truth(truth({"a": 0.03}), found({"Si": 1.0}), phases("a"))
    expected = shell_pdf(*SHELLS["a"][1:])
    np.testing.assert_allclose(true.gr_untruncated, expected, atol=1e-12)
    assert np.max(np.abs(true.gr.values - expected)[BEYOND]) < 0.01 * expected.max()


def test_truncation_makes_side_lobes_that_an_endless_measurement_lacks(monkeypatch):
    monkeypatch.setitem(SHELLS, "a", SHARP["a"])
    true = roi_truth(truth({"a": 0.03}), found({"Si": 1.0}, q_max=15.0), phases("a"))
    lobe = np.abs(R - (2.35 + 7.725 / 15.0)) < 0.1
    assert np.max(np.abs(true.gr_untruncated.values[lobe])) < 1e-3
    # +12.8 % of the peak's own height, which is less than that of the sharp peak
    assert np.max(true.gr.values[lobe]) == pytest.approx(0.128 * float(true.gr.max()), rel=0.2)


def test_scattering_powers_of_phases_add_up():
    densities = {"a": 0.03, "b": 0.05}
    both = phases("ab")
    true = roi_truth(truth(densities), found({"Si": 0.4, "C": 0.6}), both)
    per_atom = (both.coherent + both.compton).values
    np.testing.assert_allclose(true.iq, 0.03 * per_atom[0] + 0.05 * per_atom[1])
    alone = [roi_truth(truth({name: n}), found({"Si": 0.4, "C": 0.6}), both) for name, n in densities.items()]
    np.testing.assert_allclose(true.iq, alone[0].iq + alone[1].iq)


def test_a_mixture_is_weighted_by_its_atoms():
    true = roi_truth(truth({"a": 0.03, "c": 0.01}), found({"Si": 1.0}), phases("ac"))
    expected = 0.75 * shell_pdf(*SHELLS["a"][1:]) + 0.25 * shell_pdf(*SHELLS["c"][1:])
    np.testing.assert_allclose(true.gr_untruncated, expected, atol=1e-12)
    assert np.max(np.abs(true.gr.values - expected)[BEYOND]) < 0.01 * expected.max()


@pytest.mark.parametrize("sharp", [0.12, 0.06])
def test_a_mixture_of_elements_is_that_of_a_transform_to_100(monkeypatch, sharp):
    """Weights of phases change with Q; the composed pattern, transformed to where it has died out, knows them all."""
    monkeypatch.setitem(SHELLS, "b", ("C", 3.0, 1.42, sharp))
    densities, shares = {"a": 0.03, "b": 0.07}, {"Si": 0.3, "C": 0.7}
    q = 0.02 * np.arange(1, 5001)
    pattern = sum(10 * n * debye(name, q) for name, n in densities.items())
    reduced = q * (pattern - mean_f2(shares, q)) / mean_f(shares, q) ** 2
    expected = 2 / np.pi * np.trapezoid(reduced * np.sin(np.multiply.outer(R, q)), q)
    true = roi_truth(truth(densities), found(shares), phases("ab"))
    np.testing.assert_allclose(true.gr_untruncated, expected, atol=2e-4 * expected.max())
    # not so with weights that are the same at every Q
    flat = [np.mean(mean_f({SHELLS[name][0]: 1.0}, Q) ** 2 / mean_f(shares, Q) ** 2) for name in densities]
    wrong = sum(10 * n * w * shell_pdf(*SHELLS[name][1:]) for (name, n), w in zip(densities.items(), flat, strict=True))
    assert np.max(np.abs(wrong - expected)) > 0.02 * expected.max()


def test_two_elements_weigh_as_their_form_factors_at_every_q(monkeypatch):
    """Shells so broad that nothing is left at the end of the tables: the plain transform of the weighted sum."""
    # tables from zero: the first interval is not left out
    monkeypatch.setitem(globals(), "FAR", 0.02 * np.arange(3761))
    densities, shares = {"b": 0.05, "c": 0.05}, {"Si": 0.5, "C": 0.5}
    both = phases("bc")
    weights = [0.5 * mean_f({SHELLS[name][0]: 1.0}, FAR) ** 2 / mean_f(shares, FAR) ** 2 for name in densities]
    mixed = np.sum(weights * both.fq.values, axis=0)
    expected = 2 / np.pi * np.trapezoid(mixed * np.sin(np.multiply.outer(R, FAR)), FAR)
    true = roi_truth(truth(densities), found(shares), both)
    np.testing.assert_allclose(true.gr_untruncated, expected, atol=1e-7 * expected.max())


def test_a_record_without_the_far_f_of_q_tells_no_untruncated_truth():
    true = roi_truth(truth({"a": 0.03}), found({"Si": 1.0}), phases("a").drop_vars("fq"))
    assert np.all(np.isnan(true.gr_untruncated)) and np.all(np.isfinite(true.gr))


def test_phases_are_averaged_over_the_region_and_its_slice():
    true = roi_truth(truth({"a": 0.03}), found({"Si": 1.0}), phases("a"))
    per_atom = (phases("a").coherent + phases("a").compton).values[0]
    np.testing.assert_allclose(true.iq, 0.03 * per_atom)


def test_the_truth_is_transformed_as_the_data_were(twin):
    """Every choice that shapes the analyst's transform travels with the recovered data."""
    _, recovered = twin
    recipe = stated_recipe(recovered.attrs)
    assert {field.name for field in fields(PdfRecipe)} <= set(recovered.attrs["pdf_recipe"])
    assert not {field.name for field in fields(PdfRecipe)} & set(recovered.attrs)
    np.testing.assert_allclose(recipe.r, recovered.r)
    # the truth has no instrument, so nothing of it is corrected there
    assert recipe.q_damp == 0.0
    pattern = recovered.attrs["reference_density"] * recovered.roi_iq.values[0]
    one = xr.Dataset(
        {
            "coherent": (("structure", "q"), pattern[None]),
            "compton": (("structure", "q"), np.zeros((1, len(pattern)))),
            "gr": (("structure", "r"), recovered.roi_gr.values[:1]),
            "composition": (("structure", "element"), [[1.0]]),
        },
        coords={"structure_name": ("structure", ["all"]), "element": ["Si"], "q": recovered.q, "r": recovered.r},
    )
    middle = int(recovered.attrs["roi_slice"])
    maps = np.ones((1, 1, recovered.sizes["y"], recovered.sizes["x"]))
    filled = xr.Dataset(
        {"phase_density": (("phase", "slice", "y", "x"), maps)},
        coords={"phase_structure": ("phase", ["all"]), "slice": [middle]},
    )
    true = roi_truth(filled, recovered, one)
    np.testing.assert_allclose(true.gr, recovered.roi_gr[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("lacking", ["phases", "phase_density", "roi", "compton_weight"])
def test_nothing_is_made_up_where_the_records_cannot_tell(lacking):
    pieces = [truth({"a": 0.03}), found({"Si": 1.0}), phases("a")]
    if lacking == "phases":
        pieces[2] = None
    elif lacking == "phase_density":
        pieces[0] = pieces[0].drop_vars(lacking)
    else:
        pieces[1] = pieces[1].drop_vars(lacking)
    assert roi_truth(*pieces) is None


def test_damping_is_undone_in_noise_and_not_in_a_truth(twin):
    """The analysis divides by exp(-(r q_damp)^2 / 2); a truth was never multiplied by it."""
    found = twin[1]
    recipe = replace(stated_recipe(found.attrs), q_damp=0.04)
    damped = found.assign_attrs(pdf_recipe=recipe.as_attribute())
    plain, same, undone = (
        stated_operator(found),
        stated_operator(damped),
        stated_operator(damped, undamped=True),
    )
    np.testing.assert_array_equal(same.matrix, plain.matrix)
    expected = plain.matrix * np.exp((0.04 * plain.r) ** 2 / 2)[:, None]
    np.testing.assert_allclose(undone.matrix, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
