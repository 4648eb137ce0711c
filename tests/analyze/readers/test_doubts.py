"""Numbers that can only be meant otherwise than said are refused, doubted, or read for what they are."""

import h5py
import numpy as np
import pytest
import tomli_w
import xarray as xr

from tsct.analyze.readers import doubts
from tsct.analyze.readers.hdf5_layouts import entry_attrs
from tsct.analyze.readers.scans import read_scan
from tsct.records.errors import InputError, TsctWarning
from tsct.records.units import q_inv_angstrom, wavelength_angstrom

ANGLES, PLACES, Q = np.arange(0.0, 180.0, 12.0), np.linspace(-1.0, 1.0, 21), np.linspace(1.0, 20.0, 120)
RATE = 300 * np.exp(-Q / 9) * (1.2 - PLACES[None, :, None] ** 2) * np.ones((15, 1, 1))
COUNTS = np.random.default_rng(5).poisson(RATE).astype(np.int32)
FLAGS = ("efficiency", "transmission", "solid_angle", "polarization", "monitor")


def read(tmp_path, counts=COUNTS, angle=ANGLES, translation=PLACES, q=Q, without=(), radial="q", units=None, **tables):
    arrays = {"counts": counts, "rot": angle, "y": translation, "axis": q}
    arrays |= {name: table.pop("values") for name, table in tables.items() if "values" in table}
    with h5py.File(tmp_path / "s.h5", "w") as handle:
        for name, values in arrays.items():
            handle[name] = values
    units = units or {"q": "1/angstrom", "two_theta": "rad"}[radial]
    base = {
        "intensity": {"path": "/counts", "dims": ["angle", "translation", radial], "units": "counts"},
        "angle": {"path": "/rot", "units": "deg"},
        "translation": {"path": "/y", "units": "mm"},
        radial: {"path": "/axis", "units": units},
        "attrs": {"energy_kev": 80.0, **{f"{name}_applied": True for name in FLAGS if name not in without}},
    }
    for name, table in tables.items():
        base[name] = {**base.get(name, {}), **table} if isinstance(table, dict) else table
        if name in without:
            base[name] |= {"path": f"/{name}", "dims": ["angle", "translation"]}
    (tmp_path / "m.toml").write_text(tomli_w.dumps(base), encoding="utf-8")
    return read_scan(tmp_path / "s.h5", tmp_path / "m.toml")


@pytest.mark.parametrize(("factor", "units"), [(1e10, "1/m"), (10.0, "nm^-1"), (1e8, "cm-1")])
def test_q_in_any_inverse_length(tmp_path, factor, units):
    np.testing.assert_allclose(read(tmp_path, q=factor * Q, units=units).q, Q)


def test_channels_and_places_stored_backwards_are_turned(tmp_path):
    scan = read(tmp_path, COUNTS[:, ::-1, ::-1], translation=PLACES[::-1], q=Q[::-1])
    np.testing.assert_array_equal(scan.intensity, COUNTS)
    np.testing.assert_allclose(scan.q, Q)
    np.testing.assert_allclose(scan.translation, PLACES, atol=1e-12)


def test_q_beyond_what_the_energy_allows_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"q ends at 200 .* at 80 keV it ends at 81\.08; is its unit 1/nm"):
        read(tmp_path, q=10 * Q)


def two_theta():
    return np.linspace(0.03, 0.5, 120)


def test_two_theta_in_radians_keeps_all_counts_and_gaps_stay_gaps(tmp_path):
    steep = np.where(np.arange(120) % 7 == 3, COUNTS * 40, COUNTS // 60)
    scan = read(tmp_path, steep, q=two_theta(), radial="two_theta")
    q = q_inv_angstrom(two_theta(), wavelength_angstrom(80.0))
    assert scan.intensity.values.min() >= 0
    before = np.sum(steep * np.gradient(q), axis=-1)
    np.testing.assert_allclose(scan.intensity.sum("q") * float(np.diff(scan.q)[0]), before, rtol=0.01)
    gaps = steep.copy()
    gaps[:, :, 50:53], gaps[2, 3] = -1, -1
    with pytest.warns(TsctWarning, match="values of -1 stand for"):
        found = read(tmp_path, gaps, q=two_theta(), radial="two_theta")
    lost = np.isnan(found.intensity.values)
    assert lost[2, 3].all() and 3 <= lost[0, 0].sum() <= 5
    away = ~lost[0, 0] & (np.abs(np.arange(120) - np.flatnonzero(lost[0, 0]).mean()) > 6)
    np.testing.assert_allclose(found.intensity.values[0, 0, away], scan.intensity.values[0, 0, away], atol=0.5)


def test_degrees_called_radians_are_refused(tmp_path):
    with pytest.raises(InputError, match="two_theta ends at 1641 degrees, allowed are 0 to 180"):
        read(tmp_path, q=np.degrees(two_theta()), radial="two_theta")


def test_micrometres_called_millimetres_are_doubted(tmp_path):
    with pytest.warns(TsctWarning, match=r"steps of the translation are 100 mm, 2e\+03 mm in all"):
        read(tmp_path, translation=1e3 * PLACES)


@pytest.mark.parametrize(
    ("translation", "words"),
    [
        (np.where(np.arange(21) == 5, PLACES[4], PLACES), r"translations 4 and 5 are both -0\.6 mm"),
        (PLACES + 0.02 * (np.arange(21) % 3 == 0), r"up to 0\.1\d steps off even places"),
    ],
)
def test_places_that_are_double_or_uneven_are_refused(tmp_path, translation, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, translation=translation)


@pytest.mark.parametrize(
    ("values", "more", "words"),
    [
        (80 * np.ones((15, 21)), {"units": "1"}, r'transmission is 80 .*units of \[transmission\] = "%"'),
        (80 * np.ones((15, 21)), {"units": "counts"}, 'is in .counts., .* normalise = "max"'),
        (np.tile(1 - PLACES**2, (15, 1)), {"normalise": "max"}, "an absorption, .* must be turned into exp"),
    ],
)
def test_a_transmission_that_is_none_is_refused(tmp_path, values, more, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, without=("transmission",), transmission={"values": values, **more})


def test_a_transmission_in_percent_or_counts_is_one(tmp_path):
    through = np.tile(0.5 + 0.5 * PLACES**2, (15, 1))
    for values, more in ((100 * through, {"units": "%"}), (3e5 * through, {"normalise": "max"})):
        scan = read(tmp_path, without=("transmission",), transmission={"values": values, **more})
        np.testing.assert_allclose(scan.transmission, through)


def test_a_monitor_that_was_not_read_is_lost(tmp_path):
    monitor = np.full((15, 21), 10**6, dtype=np.uint32)
    monitor[3, 4] = 2**32 - 1
    with pytest.warns(TsctWarning, match="monitor: 1 values of 4294967295 stand for what was not measured"):
        scan = read(tmp_path, without=("monitor",), monitor={"values": monitor, "units": "photons"})
    assert np.isnan(scan.monitor.values[3, 4]) and np.isfinite(scan.monitor.values).sum() == 15 * 21 - 1


def test_negative_numbers_that_repeat_are_marks(tmp_path):
    counts = COUNTS.copy()
    counts[:, 4, 7] = -999
    with pytest.warns(TsctWarning, match="15 values of -999 stand for"):
        scan = read(tmp_path, counts)
    assert np.isnan(scan.intensity.values[:, 4, 7]).all()


def test_normalised_intensities_called_counts_are_doubted(tmp_path):
    with pytest.warns(TsctWarning, match='called counts are not whole, and scatter .* units = "arbitrary"'):
        read(tmp_path, (COUNTS / COUNTS.max()).astype(np.float32))
    read(tmp_path, COUNTS * np.float32(1.02))


def test_no_photons_and_a_mask_of_everything_are_refused(tmp_path):
    with pytest.raises(InputError, match="no intensity is above zero"):
        read(tmp_path, 0 * COUNTS)
    with pytest.raises(InputError, match=r"\[mask\] leaves out everything"):
        read(tmp_path, mask={"value": 1, "units": "1"})


@pytest.mark.parametrize(
    ("span", "views", "words"),
    [
        (6.9, 10, "look like radians"),
        (6.9, 9, None),
        (7.1, 10, None),
        (0.0, 10, None),
        # half a turn and a whole one in radians, called radians: 180 * 57.3 degrees, less a step or two
        (np.degrees(180.0), 91, "look like degrees"),
        (np.degrees(180.0) * (1 - 1.4 / 91), 91, "look like degrees"),
        (np.degrees(180.0) * (1 - 1.6 / 91), 91, None),
        (np.degrees(360.0), 91, "look like degrees"),
        (np.degrees(270.0), 91, None),
    ],
)
def test_angles_are_doubted_by_their_span(span, views, words):
    angles = np.linspace(0.0, span, views)
    if words is None:
        assert doubts.check_angles(angles, "scan") is None
    else:
        with pytest.raises(InputError, match=words):
            doubts.check_angles(angles, "scan")


@pytest.mark.parametrize(("share", "refused"), [(0.009, False), (0.0115, True)])
def test_places_may_be_off_by_a_hundredth_of_a_step(share, refused):
    """One of 21 off by a share of a step: the line through all moves by little."""
    places = 0.2 * np.arange(21.0)
    places[10] += 0.2 * share
    turned = places[np.random.default_rng(3).permutation(21)]
    if refused:
        with pytest.raises(InputError, match="off even places"):
            doubts.check_places(turned, "scan")
    else:
        assert doubts.check_places(turned, "scan") is None
    assert doubts.check_places(places[:1], "scan") is None


@pytest.mark.parametrize(("step", "doubted"), [(4e-6, True), (6e-6, False), (4.9, False), (5.1, True)])
def test_steps_are_doubted_outside_of_what_beams_are_made_for(step, doubted, recwarn):
    # the median of three steps, one of which is no step
    places = np.array([0.0, step, 2 * step, 2 * step + 1.0])
    doubts.doubt_steps(places, "scan")
    assert len(recwarn) == doubted
    doubts.doubt_steps(places[:1], "scan")
    assert len(recwarn) == doubted


@pytest.mark.parametrize(("scale", "doubted"), [(0.08, True), (0.12, False), (8.5, False), (12.0, True)])
def test_what_scatters_otherwise_than_counts_is_no_count(scale, doubted, recwarn):
    """Counts times a factor scatter as much more than counts: variance over mean of a n is a."""
    counts = scale * np.random.default_rng(6).poisson(200.0, (15, 21, 300)) * np.float64(1.000001)
    values = xr.DataArray(counts, dims=("angle", "translation", "q"))
    doubts.check_intensity(values, True, "scan")
    assert len(recwarn) == doubted
    if doubted:
        assert float(str(recwarn[0].message).split("scatter ")[1].split()[0]) == pytest.approx(scale, rel=0.1)
    doubts.check_intensity(values, False, "scan")
    assert len(recwarn) == doubted


def test_views_that_leave_most_of_a_turn_open_are_doubted(tmp_path):
    with pytest.warns(TsctWarning, match=r"angles span 14 of the 180 degrees .* linspace = \[first, last, 15\]"):
        scan = read(tmp_path, angle=np.arange(15.0))
    np.testing.assert_array_equal(scan.angle, np.arange(15.0))


def test_metres_called_millimetres_are_doubted(tmp_path):
    with pytest.warns(TsctWarning, match=r"0\.002 mm in all; is that its unit"):
        read(tmp_path, translation=PLACES * 1e-3)


def test_a_mask_is_no_intensity(tmp_path):
    with pytest.raises(InputError, match="as a mask does; give the path of the patterns"):
        read(tmp_path, COUNTS > 20)


def test_what_was_divided_out_is_not_divided_out_again(tmp_path):
    """The flag decides over a factor that is given besides, and says so; without the flag the factor is kept."""
    given = {"polarization": {"values": np.full(len(Q), 0.8), "path": "/polarization", "dims": ["q"], "units": "1"}}
    with pytest.warns(TsctWarning, match="polarization_applied is true; if it was not divided out before"):
        scan = read(tmp_path, **{"polarization": dict(given["polarization"])})
    np.testing.assert_array_equal(scan.polarization, 1.0)
    attrs = {"polarization_applied": False}
    scan = read(tmp_path, **{"polarization": dict(given["polarization"])}, attrs=attrs)
    np.testing.assert_array_equal(scan.polarization, 0.8)
    with pytest.raises(InputError, match="not known whether these were divided out: polarization"):
        read(tmp_path, attrs=attrs)


def test_the_normalisation_of_bins_is_not_that_of_the_beam(tmp_path):
    """NXazint1d says normalization_applied of the pixels of a bin."""
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        entry = handle.create_group("entry")
        entry["normalization_applied"], entry["solid_angle_applied"] = True, True
        entry["instrument/monochromator/wavelength"] = 0.15
        entry["instrument/monochromator/wavelength"].attrs["units"] = "angstrom"
        attrs = entry_attrs(entry)
        assert attrs == {"solid_angle_applied": True, "energy_kev": pytest.approx(82.656, abs=0.01)}
        entry["monitor_applied"] = True
        assert entry_attrs(entry)["monitor_applied"] is True
