"""What checks of error bars and of false alarms measure, where a planted deviation has a closed form."""

import numpy as np
import pytest
import xarray as xr
import xraydb
from scipy.stats import chi2, norm

from tsct.analyze.recipe import Roi
from tsct.analyze.tomography.fbp import fbp_weights
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.validation.evidence.check import NotRunError
from tsct.validation.statistics.noise_measures import VOXEL_FACTOR, disc_weights, variance_over_errors
from tsct.validation.statistics.windows import CHANCE

from .carbon import DENSITY, Q, R, evidence


def form_factor():
    """Of carbon, by the table of Waasmaier and Kirfel, which the analysis does not use."""
    return xraydb.f0("C", Q / (4 * np.pi))


def sine_matrix():
    """Weights of the channels in G(r) of carbon atoms, shape (r, q), but for the polynomial, which ends below 1 A."""
    used = (Q > 0.79) & (Q < 25.01)
    return 2 / np.pi * np.sin(np.multiply.outer(R, Q)) * (Q / form_factor() ** 2 * (Q[1] - Q[0]) * used) / DENSITY


@pytest.fixture(scope="module")
def region():
    """A region's evidence with errors that fall as carbon's scattering, and the covariance of its G(r) by sums."""
    truth, found, phases = evidence([(2.4, 0.1, 2.0)])
    errors = 1e-4 * form_factor() ** 2
    found["roi_iq_errors"] = (("state", "q"), errors[None])
    weights = sine_matrix() * errors
    return truth, found, phases, weights @ weights.T


def test_errors_of_a_pdf_that_are_a_tenth_too_large(measure, region):
    truth, found, phases, covariance = region
    stated = 1.1 * np.sqrt(np.diag(covariance))
    measured = measure("errors.pdf", truth, found.assign(roi_gr_errors=(("state", "r"), stated[None])), phases)
    assert measured.value == pytest.approx(1.1, rel=0.02) and measured.n == np.sum(R >= 1.1 - 1e-9)


def test_correlations_that_are_left_out(measure, region):
    """Of neighbours 0.02 A apart, nearly one, when only the diagonal is stated; less when all is."""
    truth, found, phases, covariance = region
    use, sigma = R >= 1.1 - 1e-9, np.sqrt(np.diag(covariance))
    largest = (covariance / np.outer(sigma, sigma))[np.ix_(use, use)][~np.eye(use.sum(), dtype=bool)]

    def stated(matrix):
        return found.assign(roi_gr_covariance=(("r", "r_other"), matrix))

    alone = measure("errors.pdf-correlation", truth, stated(np.diag(sigma**2)), phases)
    assert alone.value == pytest.approx(np.abs(largest).max(), abs=0.01) and alone.value > 0.9
    # by sums without the polynomial, which reaches into the first half angstrom
    assert measure("errors.pdf-correlation", truth, stated(covariance), phases).value < alone.value / 3


@pytest.mark.parametrize(
    ("name", "variable", "n"),
    [("errors.joined-channels", "noise_ratio_joined", 250), ("errors.voxel-scatter", "noise_ratio", 500)],
)
def test_scatter_over_errors_is_the_root_of_the_ratio(measure, name, variable, n):
    found = xr.Dataset({variable: ("state", [1.0, 1.88]), "noise_number": ("state", [500, 600])})
    measured = measure(name, None, found)
    assert (measured.value, measured.n) == (pytest.approx(1.2), n)
    assert measured.error == pytest.approx(1.2 / np.sqrt(2 * n))


def test_variance_of_a_few_states_is_free_of_their_mean():
    """-e, 0, e have a variance of e^2, over two degrees of freedom."""
    values, errors = np.array([-0.3, 0.0, 0.3])[:, None] + 7.0, np.full((3, 1), 0.3)
    assert variance_over_errors(values, errors) == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1.0, 0.8])
def test_scatter_of_maps_between_states(measure, scale):
    """Two phases of maps that go by -e, 0, e through three states, in error bars of e over a scale."""
    size = 60
    steps = np.array([-0.3, 0.0, 0.3])[:, None, None, None] * np.ones((3, 2, size, size))
    image = ("state", "slice", "y", "x")
    found = xr.Dataset(dict.fromkeys(("silicon", "carbon"), (image, steps)))
    for name in ("silicon", "carbon"):
        found[f"{name}_errors"] = 0.3 / scale + 0 * found[name]
    filled = np.zeros((1, 2, size, size))
    filled[:, 0, 20:40, 20:40] = 1.0
    # what moves inside, and next to it, is no air
    found["silicon"][:, :, 19:41, 20:40] += 100 * steps[:, :, 19:41, 20:40]
    truth = xr.Dataset({"phase_density": (("phase", "slice", "y", "x"), filled)})
    measured = measure("errors.map-scatter", truth, found)
    assert measured.value == pytest.approx(scale, rel=1e-6)
    # the square and two voxels around it, without its corners: 20^2 + 8 * 20 + 4
    air = size**2 - 400 - 160 - 4
    assert measured.n == int(2 * 2 * 2 * air / 1.8) and measured.error == pytest.approx(scale / np.sqrt(2 * measured.n))


def test_maps_of_one_state_do_not_scatter(measure):
    """Two states are the least, with the axis of states or without."""
    image = ("state", "slice", "y", "x")
    names = ("silicon", "carbon", "silicon_errors", "carbon_errors")
    found = xr.Dataset({name: (image, np.linspace(-1, 1, 3600).reshape(1, 1, 60, 60)) for name in names})
    truth = xr.Dataset({"phase_density": (("phase", "slice", "y", "x"), np.zeros((1, 1, 60, 60)))})
    for data in (found, found.isel(state=0)):
        with pytest.raises(NotRunError, match="two states or more"):
            measure("errors.map-scatter", truth, data)


def test_noise_of_a_voxel_is_that_of_the_ramp_filter():
    """Ram-Lak: sum h^2 = 1/12, sum h h' = -1 / (2 pi^2) for neighbours; two thirds and one third of them remain.

    The mean of a line between two filtered values, over all places between them; pi / views for each of the views.
    """
    closed = np.pi * np.sqrt(2 / 3 / 12 - 1 / 3 / (2 * np.pi**2))
    assert pytest.approx(closed, rel=0.02) == VOXEL_FACTOR


def rays(sigma, **errors):
    """Recovered data with the same error in all rays, of 90 views 0.05 mm apart."""
    found = xr.Dataset(
        {name: (("state", "slice", "q"), np.array([[[np.nan, value]]])) for name, value in errors.items()},
        coords={"q": [4.0, 10.1], "slice": [3]},
    )
    profile = np.full((1, 1, 2, 61), sigma)
    profile[:, :, 0] = np.nan
    found["ray_errors"] = (("state", "slice", "q", "offset"), profile)
    found.attrs = {"filter": "ramp", "roi_slice": 3, "voxel_mm": 0.05, "views": 90, "roi_radius_voxels": 16.0}
    return found


def test_the_error_of_a_voxel_over_its_closed_form(measure):
    closed = np.pi * np.sqrt(2 / 3 / 12 - 1 / 3 / (2 * np.pi**2)) * 0.02 / (0.05 * np.sqrt(90))
    assert measure("errors.voxel", None, rays(0.02, voxel_iq_errors=1.3 * closed)).value == pytest.approx(1.3, rel=0.02)


def test_the_error_of_a_region_over_that_of_the_reconstruction(measure):
    """White noise in all rays through the weights of filtered back-projection itself."""
    n = 121
    geometry = ParallelGeometry.from_arrays(0.05 * (np.arange(n) - (n - 1) / 2), np.arange(90) * 2.0, 0.0)
    mask = Roi(x_voxels=0.0, y_voxels=0.0, radius_voxels=16.0).mask(n)
    noise = 0.02 * np.sqrt(np.sum(fbp_weights(mask, geometry, "ramp") ** 2))
    found = rays(0.02, roi_counting_errors=1.3 * noise)
    # 61 rows of offsets hold nearly all of the weight
    assert disc_weights(np.arange(61, 200), 16.0).sum() < 0.01 * disc_weights(np.arange(200), 16.0).sum()
    assert measure("errors.region", None, found).value == pytest.approx(1.3, rel=0.06)


def null(z, **more):
    found = xr.Dataset({"fit": (("state", "parameter"), np.vstack([np.full(z.shape[1], np.nan), 0.1 * z]))})
    truth = xr.Dataset({"lithium_per_silicon": ("state", np.zeros(len(z) + 1))})
    return truth, found.assign(fit_errors=0.1 + 0 * found.fit.fillna(0.0), **more)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_the_rate_that_the_largest_deviation_proves(measure, factor):
    """As many error bars off as chance allows, times a factor: alarms where three over the factor are exceeded."""
    z = np.zeros((4, 3))
    z[2, 1] = -factor * norm.isf(CHANCE / 24)
    measured = measure("null.false-alarms", *null(z))
    assert measured.value == pytest.approx({1.0: 0.26998, 2.0: 13.3614}[factor], rel=1e-4)
    assert measured.n == 12 and measured.note.startswith("1 of 12")


def test_the_rate_that_the_sum_of_squares_proves(measure):
    """Independent deviations, all alike: twice the scatter that chance allows."""
    z = np.full((4, 3), 2 * np.sqrt(chi2.isf(CHANCE, 12) / 12))
    stated = {
        "difference_weights": (("state", "from_state"), np.eye(5)),
        "fit_covariance_single": (("from_state", "parameter", "other"), np.broadcast_to(0.01 * np.eye(3), (5, 3, 3))),
    }
    assert measure("null.false-alarms", *null(z, **stated)).value == pytest.approx(13.3614, rel=1e-4)


def test_onsets_that_are_claimed_are_counted(measure):
    truth, found = null(np.zeros((4, 3)))
    assert measure("null.onsets", truth, found.assign(onset_v=("hinge", [np.nan, 0.3, 0.2]))).value == 2.0
