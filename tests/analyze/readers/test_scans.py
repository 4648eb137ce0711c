"""Scans from elsewhere: NXxrdct, pyFAI, nDTomo and any layout through a mapping become the same record."""

import json

import h5py
import numpy as np
import pint
import pytest
import tomli_w
from nxxrdct.application.nxxrdct import NXxrdct

from tsct.analyze.prepare.corrections import line_integrals
from tsct.analyze.readers.scans import read_scan
from tsct.analyze.tomography.fbp import fbp
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.records.errors import InputError, TsctWarning
from tsct.records.io.scan_files import write_scan
from tsct.records.units import q_inv_angstrom, wavelength_angstrom

Q = np.linspace(1.0, 20.0, 96)
ANGLES, PLACES = np.linspace(0, 180, 8, endpoint=False), 0.1 * np.arange(10.0)
COUNTS = np.random.default_rng(2).poisson(
    400 * np.exp(-Q / 9) * (1 + np.exp(-((PLACES[None, :, None] - 0.6) ** 2) / 0.02)), (8, 10, 96)
)
#: what none of the files says
REST = {
    "energy_kev": 80.0,
    "efficiency_applied": True,
    "transmission_applied": True,
    "solid_angle_applied": True,
    "polarization_applied": True,
    "monitor_applied": True,
}


def mapping(tmp_path, **tables):
    path = tmp_path / "map.toml"
    path.write_text(tomli_w.dumps({"attrs": REST} | tables), encoding="utf-8")
    return path


def check_counts(scan, expected=COUNTS):
    assert scan.intensity.dims == ("angle", "translation", "q")
    np.testing.assert_allclose(scan.intensity.values, expected, rtol=1e-6)
    np.testing.assert_allclose(scan.q, Q)
    np.testing.assert_allclose(scan.angle, ANGLES)
    np.testing.assert_allclose(scan.translation, PLACES)


@pytest.fixture
def nxxrdct(tmp_path):
    units, entry = pint.get_application_registry(), NXxrdct()
    entry.instrument.detector.data = COUNTS.transpose(1, 0, 2)
    entry.instrument.detector.radial_axis = 10 * Q / units.nanometer
    entry.instrument.detector.radial_axis_long_name = "q"
    entry.sample.rotation_angles = np.deg2rad(ANGLES) * units.rad
    entry.sample.translation_values = 1e3 * PLACES * units.um
    entry.beam.incident_energy = 80.0 * units.keV
    entry.save(str(tmp_path / "scan.h5"), "entry")
    return tmp_path / "scan.h5"


def test_an_nxxrdct_file_says_where_everything_is(nxxrdct, tmp_path):
    check_counts(read_scan(nxxrdct, mapping(tmp_path, intensity={"units": "counts"})))


def test_what_was_corrected_is_read_from_the_file(nxxrdct):
    names = ("solid_angle", "polarization", "monitor", "absorption", "efficiency")
    with h5py.File(nxxrdct, "r+") as handle:
        handle["entry/instrument/detector/data"].attrs["units"] = "counts"
        for name in names:
            handle[f"entry/reduction/{name}_applied"] = True
    check_counts(read_scan(nxxrdct))


def test_what_was_not_corrected_is_divided_out(nxxrdct, tmp_path):
    with h5py.File(nxxrdct, "r+") as handle:
        handle["entry/control/data"] = 1e6 * (1 + np.arange(80).reshape(10, 8))
        handle["entry/instrument/detector/data"].attrs["units"] = "counts"
    rest = {name: value for name, value in REST.items() if name not in ("monitor_applied", "efficiency_applied")}
    rest |= {"sensor_material": "CdTe", "sensor_mm": 1.0, "sensor_density_g_cm3": 5.85, "solid_angle_applied": False}
    angle = {"path": "/entry/instrument/detector/solid_angle", "units": "sr", "dims": ["q"]}
    with h5py.File(nxxrdct, "r+") as handle:
        handle["entry/instrument/detector/solid_angle"] = 1e-3 * Q
    scan = read_scan(nxxrdct, mapping(tmp_path, attrs=rest, solid_angle=angle))
    np.testing.assert_allclose(scan.monitor, 1e6 * (1 + np.arange(80).reshape(10, 8).T))
    lines, _ = line_integrals(scan)
    # the same by hand for the first channel, where the sensor is crossed nearly straight
    ratio = lines[..., 0] / (COUNTS[..., 0] / scan.monitor.values / 1e-3)
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-5)


def test_what_nobody_says_is_asked_for_at_once(nxxrdct):
    with h5py.File(nxxrdct, "r+") as handle:
        handle["entry/instrument/detector/data"].attrs["units"] = "counts"
    with pytest.raises(InputError, match="monitor, transmission, solid_angle, polarization, efficiency"):
        read_scan(nxxrdct)


def test_missing_units_are_asked_for(nxxrdct, tmp_path):
    with pytest.raises(InputError, match=r"'intensity' states no units; add units to \[intensity\]"):
        read_scan(nxxrdct, mapping(tmp_path))


@pytest.fixture
def diffmap(tmp_path):
    """Written group by group as pyFAI.diffmap.DiffMap.makeHDF5 and init_ai do (2026.9)."""
    config = {"ai": {"do_solid_angle": True, "do_polarization": True, "wavelength": 1e-10 * wavelength_angstrom(80.0)}}
    with h5py.File(tmp_path / "map.h5", "w") as handle:
        process = handle.create_group("entry/pyFAI")
        process["configuration/data"] = json.dumps(config)
        result = process.create_group("result")
        result.create_dataset(
            "intensity", data=(COUNTS / 50).astype("f4"), chunks=(1, 10, 96), maxshape=(None, None, 96)
        )
        result["errors"] = (np.sqrt(COUNTS) / 50).astype("f4")
        result["slow"], result["fast"], result["q"] = ANGLES, PLACES, 10 * Q
        for name, motor in (("slow", "rot_z"), ("fast", "dty")):
            result[name].attrs["long_name"] = motor
        result["q"].attrs["unit"] = "nm^-1"
    return tmp_path / "map.h5"


def motors():
    return {"angle": {"units": "deg"}, "translation": {"units": "mm"}}


def test_a_map_of_pyfai_is_put_on_the_scale_of_counts(diffmap, tmp_path):
    rest = {name: value for name, value in REST.items() if name not in ("energy_kev", "solid_angle_applied")}
    scan = read_scan(diffmap, mapping(tmp_path, attrs=rest, **motors()))
    # errors that are those of counting give the counts back
    check_counts(scan)
    np.testing.assert_allclose(scan["variance"], COUNTS, rtol=1e-5)
    assert scan.attrs["relative"] and scan.attrs["energy_kev"] == pytest.approx(80.0)


def test_motors_that_could_be_either_are_asked_for(diffmap, tmp_path):
    with h5py.File(diffmap, "r+") as handle:
        handle["entry/pyFAI/result/slow"].attrs["long_name"] = "m1"
    with pytest.raises(InputError, match=r"'m1' \(slow\) and 'dty' \(fast\); which one turns"):
        read_scan(diffmap, mapping(tmp_path, **motors()))


@pytest.fixture
def ndtomo(tmp_path):
    two_theta = np.degrees(2 * np.arcsin(Q * wavelength_angstrom(80.0) / (4 * np.pi)))
    with h5py.File(tmp_path / "ndtomo.h5", "w") as handle:
        handle["data"] = COUNTS.transpose(1, 0, 2).astype("f4")
        handle["twotheta"] = np.linspace(two_theta[0], two_theta[-1], 96)
    return tmp_path / "ndtomo.h5"


def ndtomo_tables():
    return {
        "intensity": {"units": "arbitrary"},
        "two_theta": {"units": "deg"},
        "angle": {"linspace": [0.0, 157.5, 8], "units": "deg"},
        "translation": {"linspace": [0.0, 0.9, 10], "units": "mm"},
    }


def test_sinograms_of_ndtomo_move_to_even_steps_of_q(ndtomo, tmp_path):
    with pytest.warns(TsctWarning, match="estimated from the scatter"):
        scan = read_scan(ndtomo, mapping(tmp_path, **ndtomo_tables()))
    steps = np.diff(scan.q)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)
    # what falls into a range of the angle is still there
    with h5py.File(ndtomo, "r") as handle:
        q = q_inv_angstrom(np.radians(handle["twotheta"][()]), wavelength_angstrom(80.0))
    before = np.trapezoid(COUNTS, q, axis=-1)
    after = np.trapezoid(scan.intensity, scan.q, axis=-1) / scan.attrs["counts_per_unit"]
    np.testing.assert_allclose(after, before, rtol=0.01)
    # the scatter of Poisson counts is that of Poisson counts
    assert scan.attrs["counts_per_unit"] == pytest.approx(1.0, abs=0.25)


def test_a_zigzag_scan_is_put_in_order(tmp_path):
    places = np.where(np.arange(8)[:, None] % 2, PLACES[::-1], PLACES)
    folded = np.where(np.arange(8)[:, None, None] % 2, COUNTS[:, ::-1], COUNTS)
    with h5py.File(tmp_path / "raw.h5", "w") as handle:
        handle["counts"], handle["y"] = folded, places
    tables = {
        "intensity": {"path": "/counts", "dims": ["angle", "translation", "q"], "units": "counts"},
        "positions": {"path": "/y", "dims": ["angle", "translation"], "units": "mm"},
        "angle": {"linspace": [0.0, 157.5, 8], "units": "deg"},
        "q": {"linspace": [1.0, 20.0, 96], "units": "1/angstrom"},
    }
    check_counts(read_scan(tmp_path / "raw.h5", mapping(tmp_path, **tables)))
    with h5py.File(tmp_path / "raw.h5", "r+") as handle:
        handle["y"][3] += 0.03
    with pytest.raises(InputError, match=r"up to 0\.3 steps apart"):
        read_scan(tmp_path / "raw.h5", mapping(tmp_path, **tables))


@pytest.mark.parametrize("turns", [1.0, -1.0])
def test_a_blob_off_the_axis_appears_where_it_was_planted(tmp_path, turns):
    """Through zig-zag, order of axes and sense of rotation: right of the middle and a little above it."""
    angles, places, (x, y) = np.arange(0.0, 180.0, 6.0), 0.1 * np.arange(-20, 21), (0.9, 0.4)
    theta = np.radians(angles)[:, None]
    blob = np.exp(-((places - x * np.cos(theta) - y * np.sin(theta)) ** 2) / 0.04)
    counts = np.round(1000 * blob)[..., None] * np.ones(8)
    back = np.arange(30) % 2 == 1
    counts[back] = counts[back, ::-1]
    with h5py.File(tmp_path / "blob.h5", "w") as handle:
        handle["counts"] = counts.transpose(2, 0, 1)
        handle["y"] = np.where(back[:, None], places[::-1], places)
        handle["rot"] = turns * angles
    tables = {
        "intensity": {"path": "/counts", "dims": ["q", "angle", "translation"], "units": "counts"},
        "positions": {"path": "/y", "dims": ["angle", "translation"], "units": "mm"},
        # a stage that turns the other way round is told by a scale of -1
        "angle": {"path": "/rot", "units": "deg", "scale": turns},
        "q": {"linspace": [1.0, 8.0, 8], "units": "1/angstrom"},
    }
    scan = read_scan(tmp_path / "blob.h5", mapping(tmp_path, **tables))
    geometry = ParallelGeometry.from_arrays(scan.translation.values, scan.angle.values)
    image = fbp(scan.intensity.values, geometry)[..., 0]
    iy, ix = np.unravel_index(image.argmax(), image.shape)
    assert (geometry.voxel_centres_mm[ix], geometry.voxel_centres_mm[iy]) == pytest.approx((x, y), abs=0.051)


def test_places_in_falling_order_are_turned_round(ndtomo, tmp_path):
    tables = ndtomo_tables() | {"translation": {"linspace": [0.9, 0.0, 10], "units": "mm"}}
    with pytest.warns(TsctWarning):
        scan = read_scan(ndtomo, mapping(tmp_path, **tables))
    assert np.all(np.diff(scan.translation) > 0)
    assert scan.intensity[0].values.sum(axis=-1).argmax() == COUNTS[0, ::-1].sum(axis=-1).argmax()


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"angle": {"linspace": [0.0, 157.5, 10], "units": "deg"}}, "has 10 steps along 'angle'"),
        ({"intensity": {"units": "counts", "dims": ["angle", "translation", "two_theta"]}}, "axes may be transposed"),
        (
            {"two_theta": {"value": [20.0, *np.linspace(1.0, 19.0, 95).tolist()], "units": "deg"}},
            "two_theta is not increasing: 20 is followed by",
        ),
        (
            {
                "q": {"value": [*Q[:-1] ** 1.1, 30.0], "units": "1/angstrom"},
                "intensity": {"units": "counts", "dims": ["translation", "angle", "q"]},
            },
            "q is not uniform",
        ),
        ({"two_theta": {"linspace": [0.0, 170.0, 96], "units": "mm"}}, "cannot be turned into 'deg'"),
        ({"intensitty": {"value": 1.0, "units": "1"}}, "no 'intensitty'; did you mean 'intensity'"),
        ({"attrs": REST | {"energy_kev": 8e4}}, "photon energy is 80000"),
        ({"attrs": REST | {"monitor_aplied": True}}, r"no 'monitor_aplied'; did you mean 'monitor_applied'"),
    ],
)
def test_axes_that_contradict_each_other_are_refused(ndtomo, tmp_path, tables, words):
    with pytest.raises(InputError, match=words):
        read_scan(ndtomo, mapping(tmp_path, **(ndtomo_tables() | tables)))


def test_a_file_of_no_known_layout_asks_for_a_mapping(tmp_path):
    with h5py.File(tmp_path / "some.h5", "w") as handle:
        handle["numbers"] = COUNTS
    with pytest.raises(InputError, match="not a layout that is known"):
        read_scan(tmp_path / "some.h5")


def test_our_own_files_need_no_mapping(small_scan, tmp_path):
    scan = small_scan.isel(state=0, slice=0)
    write_scan(tmp_path / "ours.h5", scan)
    np.testing.assert_array_equal(read_scan(tmp_path / "ours.h5").intensity, scan.intensity)


def test_a_scan_of_ours_means_the_same_to_a_reader_who_knows_the_layout_only(small_scan, tmp_path):
    scan = small_scan.isel(state=0, slice=0)
    write_scan(tmp_path / "ours.h5", scan)
    with h5py.File(tmp_path / "ours.h5", "r+") as handle:
        handle.attrs["creator"] = "another program"
    other = read_scan(tmp_path / "ours.h5")
    for name in ("intensity", "monitor", "transmission", "solid_angle", "polarization"):
        np.testing.assert_array_equal(other[name], scan[name])
    assert other.attrs["sample_composition"] == scan.attrs["sample_composition"]
    np.testing.assert_allclose(line_integrals(other)[0], line_integrals(scan)[0])
