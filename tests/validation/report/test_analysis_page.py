"""The page of a measurement: figures and numbers of what was recovered, where there is no truth."""

import re

import numpy as np
import pytest
import xarray as xr

from tsct.records.marks import is_marked
from tsct.validation.report.analysis_page import amounts, peaks, summary, treatment, write_analysis_page
from tsct.validation.report.figures.figure_maps import _unit
from tsct.validation.report.figures.figure_pdf import listed_peaks
from tsct.validation.report.figures.plates import Sources, plates_without_truth

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def found(twin):
    return twin[1]


def test_the_page_is_whole_and_shows_what_was_measured(found, tmp_path):
    write_analysis_page(tmp_path, found, {}, title=HOSTILE)
    page = (tmp_path / "analysis.html").read_text(encoding="utf-8")
    assert HOSTILE not in page and "&lt;script&gt;" in page
    assert set(re.findall(r'<img src="(.{15})', page)) == {"data:image/png;"}
    titles = ("What was measured", "I(Q) and G(r)", "single voxels", "Map of silicon", "Difference PDF", "Error bars")
    assert all(title in page for title in titles)
    assert "Not drawn" not in page
    assert is_marked(tmp_path / "analysis.html") and is_marked(tmp_path / "figures" / "measurement.png")


def test_numbers_of_the_page_are_those_of_the_record(found):
    middle = found.attrs["roi_slice"]
    lines = dict(treatment(found))
    assert lines["axis of rotation"].startswith(f"+{float(found.axis_mm.isel(state=0).sel(slice=middle)):.4g} ±")
    assert lines["repaired"] == "none"
    inside = found.roi.values.astype(bool)
    silicon = 1e3 * found.silicon.isel(state=0).sel(slice=middle).values[inside].mean()
    assert dict(amounts(found))["silicon"].startswith(f"{silicon:.4g} ±")
    assert "6 states (0.5 V to 0.2 V) and 1 slice of 60 x 60 voxels of 130 µm" in summary(found)


def test_rays_that_were_filled_are_seen(small_scan_with_a_lost_frame):
    from tsct import analyze

    with pytest.warns(Warning, match="lost frames"):
        found = analyze.chain(small_scan_with_a_lost_frame)
    assert found.repaired_share.values[4, 30] == 1.0
    assert found.repaired_share.values.sum() == 1.0
    assert "1 lost frames" in dict(treatment(found))["repaired"]


@pytest.fixture
def small_scan_with_a_lost_frame():
    from tsct import phantoms, simulate

    beamline = simulate.Beamline(scan=simulate.ScanPattern(views=40, q_max=24.0, q_step=0.06))
    scan = simulate.scan(phantoms.wragg2023(phantoms.discharge("small", (0.5,))), beamline, seed=3, tiles=[(0, 1)])
    scan = scan.isel(state=0, slice=0).copy(deep=True)
    scan.monitor.values[4, 30] = 0.0
    return scan


def test_the_sinogram_holds_the_mass_of_the_image(found):
    """Zeroth moment: the integral of every view is that of the image, which is the one of all views."""
    step = float(np.diff(found.translation)[0])
    of_rays = found.sinogram.values.sum(axis=1).mean() * step
    image = found.total_intensity.isel(state=0).sel(slice=found.attrs["roi_slice"]).values
    assert image.sum() * found.attrs["voxel_mm"] ** 2 == pytest.approx(of_rays, rel=0.01)


def test_examples_are_voxels_of_the_region(found):
    rows = [int(np.argmin(abs(found.y.values - y))) for y in found.example_y.values]
    columns = [int(np.argmin(abs(found.x.values - x))) for x in found.example_x.values]
    assert found.roi.values[rows, columns].all()
    bright = found.total_intensity.isel(state=0).sel(slice=found.attrs["roi_slice"]).values
    inside = bright[found.roi.values.astype(bool)]
    np.testing.assert_allclose(bright[rows[1:], columns[1:]], [inside.max(), inside.min()], rtol=1e-6)


def test_only_the_anode_gets_names_of_its_bonds():
    features = {"gr_feature_r": ("gr_feature", [2.49, 1.2, 3.52]), "gr_feature_is_ripple": ("gr_feature", [0, 1, 0])}
    assert listed_peaks(xr.Dataset(features)) == [2.49, 3.52]
    assert listed_peaks(xr.Dataset()) == []


def test_peaks_say_which_are_ripples(found):
    rows = peaks(found)
    assert [float(str(row["r"])) for row in rows] == sorted(float(row["r"]) for row in rows)
    by_place = {round(float(row["r"]), 1): row["ripple"] for row in rows}
    assert by_place[2.4] is False


def test_maps_of_peaks_keep_their_unit():
    area = xr.Dataset({"first_peak": (("y", "x"), np.ones((2, 2)), {"units": "1/angstrom^4"})})
    assert _unit(area, "first_peak") == ("Å⁻⁴", 1.0)
    assert _unit(xr.Dataset(), "silicon") == ("10⁻³ atoms Å⁻³", 1e3)


def test_what_an_older_file_lacks_is_said_and_not_invented(found):
    lacking = found.drop_vars(["sinogram", "example_hr"])
    missing = {plate.name: plate.missing(Sources(recovered=lacking)) for plate in plates_without_truth(lacking)}
    assert "sinogram" in missing["measurement"] and "example_hr" in missing["voxels"]
    assert not missing["pdf"]
