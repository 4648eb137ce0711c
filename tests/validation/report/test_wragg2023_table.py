"""The paper's numbers beside those of a run: nothing is said of the run that its records do not say."""

import numpy as np
import pytest
import xarray as xr

from tsct.validation.report import wragg2023_table as table
from tsct.validation.report.figures.plates import Sources
from tsct.validation.report.wragg2023_table import comparison, readings
from tsct.validation.score import CHECKS, Scores, check_named, score

PEAKS = [check_named(name) for name in ("pdf.peak[si-si]", "pdf.peak[c-c]", "pdf.far-over-near")]


@pytest.fixture(scope="module")
def rows(small, region):
    truth, recovered = small
    lines = comparison(Sources(recovered=recovered, truth=truth, region=region))
    return {line.quantity: line for line in lines}


def test_every_check_about_the_paper_has_a_row():
    assert {check.id for check in CHECKS if check.about == "paper"} <= {
        line.check for line in readings(score(xr.Dataset(), xr.Dataset(), checks=CHECKS))
    }


def test_truth_is_read_from_the_run(rows):
    assert rows["Si–Li neighbours"].truth == "Li neighbours per Si 0 → 1.76"
    assert rows["order of the second shell"].truth == "lost share 0 → 0.1"


def test_recovered_numbers_are_those_of_the_checks(rows, small):
    scores = score(*small, checks=PEAKS)
    measured = {outcome.check.id: outcome for outcome in scores.outcomes}
    lines = {line.check: line for line in readings(scores)}
    peak = lines["pdf.peak[c-c]"]
    assert peak.recovered == f"{measured['pdf.peak[c-c]'].measurement.value:.4g}\u00a0Å"
    assert (peak.answer == "reproduced") == (measured["pdf.peak[c-c]"].verdict == "pass")
    # made by hand, without the scattering of phases: what a perfect measurement reads is not known
    assert peak.truth == "–"
    assert rows["Si–Li neighbours"].recovered == "1.54 ± 0.00 Li neighbours per Si at the end"
    assert rows["slices and voxels"].recovered == "2 slices, 500 µm"


def test_what_is_unknown_is_a_dash(small):
    _, recovered = small
    bare = xr.Dataset(coords={"q": recovered.q, "r": recovered.r, "state": [0]}, attrs={"q_max": 20.0})
    lines = comparison(Sources(recovered=bare))
    assert {line.truth for line in lines} == {"–"}
    assert {line.recovered for line in lines if line.quantity != "range of I(Q)"} == {"–"}
    assert readings(Scores(outcomes=())) == []


def test_a_check_of_the_chain_is_quoted_without_an_answer(small):
    scores = score(*small, checks=[check_named("map.correlation[silicon]")])
    (line,) = readings(scores)
    assert line.quantity == "silicon map" and line.answer == "" and line.because == ""


def by_hand(**variables):
    r = np.arange(0.5, 4.0, 0.1)
    gr, dgr = np.exp(-(((r - 2.4) / 0.1) ** 2)) * 4.0, np.exp(-(((r - 2.7) / 0.1) ** 2))
    dgr[np.isclose(r, 1.2)] = -0.25
    data = {"roi_gr": (("state", "r"), [gr, gr]), "roi_dgr": (("state", "r"), [0 * dgr, -dgr])}
    return xr.Dataset(data | variables, coords={"r": r, "state": [0, 1]})


def test_sizes_are_those_of_the_last_difference():
    """A change of 1.0 at 2.7 A beside a peak of 4.0; a quarter of it below 1.9 A."""
    assert table._size(by_hand()) == "largest change 25 % of the Si–Si peak"
    assert table._ripple(by_hand()) == "up to 0.25 Å⁻² in the last dPDF"
    assert table._size(by_hand().isel(state=slice(1))) == table._ripple(by_hand().isel(state=slice(1))) == "–"


def test_overlap_needs_three_voxels_that_differ():
    def region(silicon, carbon):
        size = len(silicon)
        image = {
            name: (("state", "slice", "y", "x"), np.reshape(values, (1, 1, 1, size)))
            for name, values in (("silicon", silicon), ("carbon", carbon))
        }
        data = xr.Dataset(image | {"roi": (("y", "x"), np.ones((1, size), dtype=np.int8))})
        return data.assign_coords(state=[0], slice=[4]).assign_attrs(roi_slice=4)

    assert table._overlap(region([1.0, 2.0, 3.0], [6.0, 4.0, 2.0])) == "correlation −1"
    assert table._overlap(region([1.0, 2.0], [6.0, 4.0])) == "–"
    assert table._overlap(region([1.0, 1.0, 1.0], [6.0, 4.0, 2.0])) == "–"


def test_masses_are_those_of_the_middle_slice():
    """Two atoms of silicon to three of carbon: 56.17 to 36.03."""
    maps = {
        name: (("slice", "y", "x"), np.reshape(values, (5, 1, 1)))
        for name, values in (("silicon", [9.0, 9.0, 2.0, 1.0, 1.0]), ("carbon", [1.0, 1.0, 3.0, 7.0, 7.0]))
    }
    assert (
        table._masses(Sources(recovered=xr.Dataset(), truth=xr.Dataset(maps)))
        == "Si : sp2 carbon 1.6 : 1 by mass in the slice"
    )


def test_ranges_regions_and_voxels_in_words():
    data = xr.Dataset(
        {"roi": (("y", "x"), np.eye(3, dtype=np.int8))},
        coords={"q": np.linspace(0.6, 36.0, 60), "x": [-0.13, 0.0, 0.13], "slice": [1]},
        attrs={"q_max": 22.0, "roi_radius_voxels": 8.5},
    )
    assert table._range(data) == "0.6–36 Å⁻¹, G(r) from Qmax 22 Å⁻¹"
    assert table._region(data) == "radius 8.5 voxels, 3 voxels inside"
    assert table._voxels(data) == "1 slice, 130 µm"


def test_shifts_are_in_milliangstrom():
    fitted = {
        "fit": (("state", "parameter"), [[0.0], [-0.0123]]),
        "fit_errors": (("state", "parameter"), [[0.0], [0.0004]]),
    }
    data = xr.Dataset(fitted, coords={"state": [0, 1], "parameter": ["shift"]}, attrs={"reference_distance": 2.361})
    assert table._moved(data) == "2.361 Å, then −12.3 ± 0.4 mÅ"
