"""A simulated scan, written in each layout of the field and read back, is the scan."""

import h5py
import numpy as np
import pytest
import tomli_w

from tsct.analyze.readers.scans import read_scan
from tsct.records.errors import InputError, TsctWarning

from .field_files import diffmap, ewoks, flat, views, write

#: what none of the files says
REST = {
    "energy_kev": 80.0,
    **{f"{name}_applied": True for name in ("efficiency", "transmission", "solid_angle", "polarization", "monitor")},
}
COUNTS = {"intensity": {"units": "counts"}}


@pytest.fixture(scope="module")
def simulated(small_scan):
    """Counts (angle, translation, q) of some views and channels, as whole numbers."""
    scan = small_scan.isel(state=0, slice=0, angle=slice(None, None, 5), q=slice(50, 130)).copy(deep=True)
    scan["intensity"] = scan.intensity.round().astype(np.int32)
    return scan.assign_coords(
        angle=scan.angle.round(6), translation=scan.translation.round(9), q=np.linspace(2.0, 5.16, 80)
    )


def toml(tmp_path, attrs=REST, **tables):
    path = tmp_path / "m.toml"
    path.write_text(tomli_w.dumps({"attrs": attrs} | tables), encoding="utf-8")
    return path


def without(*names):
    return {name: value for name, value in REST.items() if name not in names}


def check(scan, expected):
    assert scan.intensity.dims == ("angle", "translation", "q")
    order = np.argsort(scan.angle.values)
    np.testing.assert_allclose(scan.intensity.values[order], expected.intensity.values, rtol=2e-6)
    for axis in ("angle", "translation", "q"):
        np.testing.assert_allclose(np.sort(scan[axis].values), expected[axis].values, rtol=1e-6, atol=1e-6)


def even(scan):
    """Tables of axes that a file does not hold."""
    return {
        "angle": {"value": scan.angle.values.tolist(), "units": "deg"},
        "translation": {"value": scan.translation.values.tolist(), "units": "mm"},
    }


def test_sinograms_of_the_battery_imaging_library(simulated, tmp_path):
    behind = 2e5 * simulated.transmission.values
    path = write(
        tmp_path / "cell.h5",
        sinograms=simulated.intensity.values.transpose(1, 0, 2),
        q=simulated.q.values,
        sinogram_absct=behind.T,
    )
    attrs = without("transmission_applied")
    scan = read_scan(path, toml(tmp_path, attrs, **COUNTS, **even(simulated)))
    check(scan, simulated)
    np.testing.assert_allclose(scan.transmission.values, behind / behind.max(), rtol=1e-6)


@pytest.mark.parametrize("name", ["cell_rec.h5", "cell.h5"])
def test_a_reconstructed_volume_is_no_scan(tmp_path, name):
    """By its name, and by slices that are empty outside of a circle."""
    y, x = np.indices((40, 40)) - 19.5
    volume = np.where(np.hypot(x, y) < 20, 1.0 + np.hypot(x, y), 0.0)[..., None] * np.ones(50)
    path = write(tmp_path / name, data=volume, q=np.linspace(1, 5, 50))
    with pytest.raises(InputError, match=r"reconstructed volume \(x, y, channel\), not a scan"):
        read_scan(path, toml(tmp_path, **COUNTS))


@pytest.mark.parametrize("scan_name", ["named", "two-dimensional"])
def test_dawn_with_axes_of_one_step(simulated, tmp_path, scan_name):
    counts = simulated.intensity.values
    with h5py.File(tmp_path / "d.nxs", "w") as handle:
        group = handle.create_group("processed/result")
        group.attrs.update({"NX_class": "NXdata", "signal": "data"})
        group["data"] = counts[:, None, :, None, :].astype("f8")
        group["q"] = 10 * simulated.q.values
        group["q"].attrs["units"] = "1/nm"
        group["errors"] = np.sqrt(np.maximum(counts, 1.0))[:, None, :, None, :]
        if scan_name == "named":
            group.attrs["axes"] = ["gonio_omega", "hexz", "stage_x", ".", "q"]
            group["gonio_omega"], group["stage_x"] = simulated.angle.values, simulated.translation.values
        else:
            group.attrs["axes"] = [".", ".", ".", ".", "q"]
            shape = (len(simulated.angle), 1, len(simulated.translation), 1)
            for name, values in (("gonio_omega", simulated.angle), ("stage_x", simulated.translation)):
                line = values.values[:, None, None, None] if name[0] == "g" else values.values[None, None, :, None]
                group[name] = np.broadcast_to(line, shape)
                group.attrs[f"{name}_indices"] = np.arange(4)
        group["gonio_omega"].attrs["units"], group["stage_x"].attrs["units"] = "deg", "mm"
        group["hexz"] = [0.5]
    motors = {} if scan_name == "named" else {"angle": {"motor": "gonio_omega"}, "translation": {"motor": "stage_x"}}
    scan = read_scan(tmp_path / "d.nxs", toml(tmp_path, **COUNTS, **motors))
    check(scan, simulated)


def test_savu_names_its_axes_and_orders_them_otherwise(simulated, tmp_path):
    with h5py.File(tmp_path / "s.nxs", "w") as handle:
        group = handle.create_group("entry/final_result_pyfai")
        group.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": ["x", "rotation_angle", "Q"]})
        group["data"] = simulated.intensity.values.transpose(1, 0, 2)
        group["Q"], group["x"] = simulated.q.values, 1e3 * simulated.translation.values
        group["rotation_angle"] = simulated.angle.values
        for name, units in (("Q", "1/angstrom"), ("x", "microns"), ("rotation_angle", "degrees"), ("data", "counts")):
            group[name].attrs["units"] = units
    check(read_scan(tmp_path / "s.nxs", toml(tmp_path)), simulated)


def test_a_map_of_the_command_line_needs_only_the_motor_that_turns(simulated, tmp_path):
    path = diffmap(tmp_path / "map.h5", simulated)
    rest = without("energy_kev", "solid_angle_applied")
    with pytest.warns(TsctWarning) as caught:
        scan = read_scan(path, toml(tmp_path, rest, angle={"motor": "slow"}))
    words = [str(warning.message) for warning in caught]
    assert any("states no units and is taken in deg" in each for each in words)
    assert any("the numbers of its steps" in each for each in words)
    np.testing.assert_allclose(scan.angle, np.arange(len(simulated.angle)))
    np.testing.assert_allclose(scan.intensity / scan.attrs["counts_per_unit"], simulated.intensity, rtol=1e-5)
    assert scan.attrs["energy_kev"] == pytest.approx(82.656, rel=1e-4)


def test_the_fast_motor_may_turn_and_ranges_come_from_the_user(simulated, tmp_path):
    turned = simulated.transpose("translation", "angle", "q")
    path = diffmap(tmp_path / "map.h5", turned)
    tables = even(simulated)
    tables["angle"]["motor"] = "fast"
    check(read_scan(path, toml(tmp_path, **COUNTS, **tables)), simulated)


def test_a_motor_that_a_map_lacks_is_refused(simulated, tmp_path):
    path = diffmap(tmp_path / "map.h5", simulated)
    with pytest.raises(InputError, match=r"no motor 'rot'; its motors are slow \('slow'\) and fast"):
        read_scan(path, toml(tmp_path, angle={"motor": "rot"}))
    with pytest.raises(InputError, match=r'which one turns\? .* \[angle\] motor = "slow"'):
        read_scan(path, toml(tmp_path))


def test_pyfai_itself_writes_that_layout(tmp_path, monkeypatch):
    """Four angles by five translations of flat frames with known levels, through the command line of pyFAI."""
    diff_map = pytest.importorskip("pyFAI.app.diff_map", reason="pyFAI writes the file")
    fabio = pytest.importorskip("fabio", reason="pyFAI reads its frames through fabio")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.poni").write_text(
        "poni_version: 2.1\nDetector: Pilatus100k\nDetector_config: {}\nDistance: 0.1\nPoni1: 0.0\nPoni2: 0.0\n"
        "Rot1: 0.0\nRot2: 0.0\nRot3: 0.0\nWavelength: 1.5e-11\n",
        encoding="utf-8",
    )
    names = [f"f_{i:02d}.edf" for i in range(20)]
    for i, name in enumerate(names):
        fabio.edfimage.EdfImage(data=np.full((195, 487), 100 + i, dtype=np.int32)).write(name)
    diff_map.main(["--no-gui", "-p", "g.poni", "-r", "4", "-t", "5", "-c", "60", "-o", "map.h5", *names])
    rest = without("energy_kev", "solid_angle_applied")
    with pytest.warns(TsctWarning):
        scan = read_scan(tmp_path / "map.h5", toml(tmp_path, rest, angle={"motor": "slow"}))
    levels = np.median(scan.intensity.values / scan.attrs["counts_per_unit"], axis=-1)
    np.testing.assert_allclose(levels / levels[0, 0], 1 + np.arange(20).reshape(4, 5) / 100, rtol=2e-3)


UNITS = {"angle": {"units": "deg"}, "translation": {"units": "mm"}}


@pytest.mark.parametrize("shuffled", [False, True])
def test_frames_of_ewoks_are_folded_by_their_motors(simulated, tmp_path, shuffled):
    number = simulated.angle.size * simulated.translation.size
    order = np.random.default_rng(4).permutation(number) if shuffled else None
    path = ewoks(tmp_path, simulated, order)
    check(read_scan(path, toml(tmp_path, **COUNTS, **UNITS), links=tmp_path), simulated)


def test_motors_behind_links_are_asked_for_and_named(simulated, tmp_path):
    path = ewoks(tmp_path, simulated, title=False)
    with pytest.raises(InputError, match=r"turns the sample\? .* with --follow-links FOLDER"):
        read_scan(path, toml(tmp_path, **COUNTS))
    with pytest.raises(
        InputError, match=r'motor = "NAME"; with a value for each of the \d+ frames there are: dty, mon'
    ):
        read_scan(path, toml(tmp_path, **COUNTS), links=tmp_path)
    with pytest.raises(InputError, match="has no 'rott'; did you mean 'rot'"):
        read_scan(path, toml(tmp_path, **COUNTS, angle={"motor": "rott"}), links=tmp_path)
    motors = {"angle": {"motor": "rot", "units": "deg"}, "translation": {"motor": "dty", "units": "mm"}}
    check(read_scan(path, toml(tmp_path, **COUNTS, **motors), links=tmp_path), simulated)


def test_missing_frames_stay_missing_and_the_last_of_two_counts(simulated, tmp_path):
    number = simulated.angle.size * simulated.translation.size
    order = np.concatenate([[7], np.arange(number - 5)])
    with pytest.warns(TsctWarning, match="1 frames were taken at places that have another"):
        path = ewoks(tmp_path, simulated, order, linked=False)
        scan = read_scan(path, toml(tmp_path, **COUNTS, **UNITS))
    assert np.isnan(scan.intensity.values[-1, -5:]).all() and np.isfinite(scan.intensity.values[-1, :-5]).all()
    np.testing.assert_allclose(scan.intensity.values[:-1], simulated.intensity.values[:-1])


def test_readings_that_scatter_are_put_to_their_places(simulated, tmp_path):
    path = ewoks(tmp_path, simulated, linked=False)
    step = float(simulated.translation[1] - simulated.translation[0])
    with h5py.File(path, "r+") as handle:
        dty = handle["1.1/measurement/dty"]
        dty[...] += np.random.default_rng(1).uniform(-0.01, 0.01, dty.shape) * step
    scan = read_scan(path, toml(tmp_path, **COUNTS, **UNITS))
    np.testing.assert_allclose(scan.intensity.values, simulated.intensity.values)
    np.testing.assert_allclose(scan.translation, simulated.translation, atol=0.01 * step)
    with h5py.File(path, "r+") as handle:
        handle["1.1/measurement/dty"][...] += np.random.default_rng(1).uniform(-0.2, 0.2, dty_size(handle)) * step
    with pytest.raises(InputError, match="fill 8% of a grid of 12 angles and 720 translations"):
        read_scan(path, toml(tmp_path, **COUNTS, **UNITS))


def dty_size(handle):
    return handle["1.1/measurement/dty"].shape


@pytest.mark.parametrize("zigzag", [False, True])
def test_a_flat_list_without_motors_is_folded_into_a_grid(simulated, tmp_path, zigzag):
    tables = {
        "intensity": {"path": "/frames", "dims": ["frame", "q"], "units": "counts"},
        "q": {"path": "/q", "units": "1/angstrom"},
        "fold": ["angle", "translation"],
        **even(simulated),
        **({"zigzag": "translation"} if zigzag else {}),
    }
    path = flat(tmp_path, simulated, zigzag)
    check(read_scan(path, toml(tmp_path, **tables)), simulated)
    tables["angle"] = {"linspace": [0.0, 180.0, 5], "units": "deg"}
    with pytest.raises(InputError, match="cannot be folded into 5 angles"):
        read_scan(path, toml(tmp_path, **tables))


def test_a_zigzag_that_nobody_mentions_is_suspected(simulated, tmp_path):
    tables = {
        "intensity": {"path": "/frames", "dims": ["frame", "q"], "units": "counts"},
        "q": {"path": "/q", "units": "1/angstrom"},
        "fold": ["angle", "translation"],
        **even(simulated),
    }
    with pytest.warns(TsctWarning, match='looks mirrored.*zigzag = "translation"'):
        read_scan(flat(tmp_path, simulated, zigzag=True), toml(tmp_path, **tables))


def tables_of_views(**more):
    return {
        "files": "xrd_*.h5",
        "intensity": {"path": "/I", "dims": ["translation", "q"], "units": "counts"},
        "q": {"path": "/q", "units": "1/angstrom"},
        **more,
    }


def test_one_file_for_each_view_is_stacked(simulated, tmp_path):
    folder = views(tmp_path / "v", simulated)
    tables = tables_of_views(angle={"path": "/rot", "units": "deg"}, translation={"path": "/y", "units": "mm"})
    check(read_scan(folder, toml(tmp_path, **tables)), simulated)
    with h5py.File(folder / "xrd_3.h5", "r+") as handle:
        handle["q"][...] *= 1.01
    with pytest.raises(InputError, match=r"xrd_3\.h5: 'q' differs from that of .*xrd_0\.h5"):
        read_scan(folder, toml(tmp_path, **tables))


def test_views_that_run_back_and_forth_by_positions_or_by_a_key(simulated, tmp_path):
    folder = views(tmp_path / "v", simulated, zigzag=True)
    angle = {"path": "/rot", "units": "deg"}
    positions = {"path": "/y", "units": "mm", "dims": ["translation"]}
    check(read_scan(folder, toml(tmp_path, **tables_of_views(angle=angle, positions=positions))), simulated)
    by_key = tables_of_views(zigzag="translation", angle=angle, translation=even(simulated)["translation"])
    check(read_scan(folder, toml(tmp_path, **by_key)), simulated)


def test_one_file_for_each_translation_or_each_piece_of_a_list(simulated, tmp_path):
    folder = tmp_path / "t"
    folder.mkdir()
    for i, place in enumerate(simulated.translation.values):
        write(folder / f"line{i}.h5", I=simulated.intensity.values[:, i], y=place)
    tables = {
        "files": "line*.h5",
        "stack": "translation",
        "intensity": {"path": "/I", "dims": ["angle", "q"], "units": "counts"},
        "translation": {"path": "/y", "units": "mm"},
        "angle": even(simulated)["angle"],
        "q": {"value": simulated.q.values.tolist(), "units": "1/angstrom"},
    }
    check(read_scan(folder, toml(tmp_path, **tables)), simulated)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"files": "../*.h5"}, "must be a pattern below the folder"),
        ({"files": "/etc/*.h5"}, "must be a pattern below the folder"),
        ({"files": "none_*.h5"}, "0 files match"),
        ({"stack": "view"}, 'stack = "view" cannot be used; it takes "angle"'),
        ({"zigzag": True}, "zigzag = true cannot be used"),
        ({"fold": ["angle"]}, r'fold = \["angle"\] cannot be used'),
        ({"fold": ["angle", "translation"]}, "fold is for a flat list of frames"),
        ({"zig_zag": "angle"}, "no 'zig_zag'; did you mean 'zigzag'"),
    ],
)
def test_keys_of_an_assembly_that_cannot_be(simulated, tmp_path, change, words):
    folder = views(tmp_path / "v", simulated)
    tables = tables_of_views(angle={"path": "/rot", "units": "deg"}, translation={"path": "/y", "units": "mm"})
    with pytest.raises(InputError, match=words):
        read_scan(folder, toml(tmp_path, **(tables | change)))


def test_stacking_needs_a_folder(simulated, tmp_path):
    folder = views(tmp_path / "v", simulated)
    with pytest.raises(InputError, match="name the folder instead"):
        read_scan(folder / "xrd_0.h5", toml(tmp_path, **tables_of_views()))


def test_a_master_of_virtual_datasets_is_the_scan(simulated, tmp_path):
    """As of a detector whose files hold a few views each."""
    raw = tmp_path / "raw"
    raw.mkdir()
    counts = simulated.intensity.values
    layout = h5py.VirtualLayout(shape=counts.shape, dtype=counts.dtype)
    for i in range(0, len(counts), 4):
        write(raw / f"part{i}.h5", entry__data=counts[i : i + 4])
        layout[i : i + 4] = h5py.VirtualSource(f"raw/part{i}.h5", "entry/data", shape=counts[i : i + 4].shape)
    write(raw / "axes.h5", rot=simulated.angle.values)
    with h5py.File(tmp_path / "master.h5", "w") as handle:
        handle.create_virtual_dataset("entry/data", layout)
        handle["entry/rot"] = h5py.ExternalLink("raw/axes.h5", "/rot")
        handle["entry/q"] = simulated.q.values
    tables = {
        "intensity": {"path": "/entry/data", "dims": ["angle", "translation", "q"], "units": "counts"},
        "q": {"path": "/entry/q", "units": "1/angstrom"},
        "angle": {"path": "/entry/rot", "units": "deg"},
        "translation": even(simulated)["translation"],
    }
    check(read_scan(tmp_path / "master.h5", toml(tmp_path, **tables), links=raw), simulated)
    with pytest.raises(InputError, match="stored in another file"):
        read_scan(tmp_path / "master.h5", toml(tmp_path, **tables))
    with pytest.raises(InputError, match="which is not below"):
        (tmp_path / "elsewhere").mkdir()
        read_scan(tmp_path / "master.h5", toml(tmp_path, **tables), links=tmp_path / "elsewhere")
