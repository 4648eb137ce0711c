"""Files whose parts may be something else than expected: a reader gives a dataset, or a reason, and nothing else."""

import json
from collections import Counter
from contextlib import suppress

import h5py
import numpy as np
import pytest
import tomli_w
import xarray as xr

from tsct.analyze.readers.frames import Integration, _check_poni, read_frames
from tsct.analyze.readers.scans import read_scan
from tsct.records.errors import InputError, TsctError
from tsct.records.io.frame_files import write_frames
from tsct.records.io.scan_files import write_scan
from tsct.records.io.seal import SEAL, seal_of
from tsct.records.seeds import generator

DEEP = "[" * 100_000
#: what may stand where a reader looks for numbers or text
VALUES = (
    *(h5py.Empty("f8"), 7, -1.5, np.nan, "text", b"\xff\xfe", True, 1j, np.zeros(0), np.zeros((2, 0, 3)), 10**19),
    *(np.arange(3.0), np.zeros((2, 2, 2, 2)), ["a", "b"], np.full((4, 5, 30), np.inf), DEEP, '{"a": 1}', "null"),
    *(np.zeros(3, dtype=[("a", "f8")]), np.void(b"opaque"), "\x00", json.dumps([1, 2])),
)
NUMBER = 150


@pytest.fixture(scope="module")
def originals(small_scan, tmp_path_factory):
    """A scan of ours, the same as another program's, a map of pyFAI, volumes of nDTomo, frames."""
    folder = tmp_path_factory.mktemp("originals")
    scan = small_scan.isel(state=0, slice=0, angle=slice(4), translation=slice(5), q=slice(30))
    write_scan(folder / "ours.h5", scan)
    (folder / "nxxrdct.h5").write_bytes((folder / "ours.h5").read_bytes())
    with h5py.File(folder / "nxxrdct.h5", "r+") as handle:
        handle.attrs["creator"] = "another program"
    with h5py.File(folder / "diffmap.h5", "w") as handle:
        result = handle.create_group("entry/pyFAI/result")
        result["intensity"], result["q"] = np.ones((4, 5, 30)), np.arange(1.0, 31.0)
        for name, long_name in (("slow", "rot"), ("fast", "y")):
            result[name] = np.arange(4.0 if name == "slow" else 5.0)
            result[name].attrs.update(long_name=long_name, units="deg" if name == "slow" else "mm")
        handle["entry/pyFAI/configuration/data"] = json.dumps({"ai": {"wavelength": 1e-11, "do_solid_angle": True}})
    with h5py.File(folder / "ndtomo.h5", "w") as handle:
        handle["data"], handle["q"] = np.ones((5, 4, 30)), np.arange(1.0, 31.0)
    poni = "poni_version: 2\nDetector: Detector\nDetector_config: " + json.dumps(
        {"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [20, 16]}
    )
    poni += "\nDistance: 0.1\nPoni1: 0.001\nPoni2: 0.0008\nRot1: 0\nRot2: 0\nRot3: 0\nWavelength: 1e-11\n"
    images = [(np.ones((20, 16), np.int32), {"angle_deg": i, "translation_mm": 0.0, "monitor": 1.0}) for i in range(3)]
    write_frames(folder / "frames.h5", images, mask=np.zeros((20, 16), bool), known=scan.attrs, poni=poni)
    return folder


def places(path) -> list[tuple[str, str | None]]:
    """Every object but the root, and every attribute."""
    with h5py.File(path) as handle:
        names: list[str] = []
        handle.visit(names.append)
        return [(name, None) for name in names] + [
            (name, key) for name in ["/", *names] for key in handle[name].attrs if key not in (SEAL, "complete")
        ]


def spoil(path, place, key, value) -> None:
    """Put something else at one place, and seal the file again as its maker would."""
    with h5py.File(path, "r+") as handle:
        ours = SEAL in handle.attrs
        try:
            if key is not None:
                handle[place].attrs[key] = value
            else:
                attrs = dict(handle[place].attrs)
                del handle[place]
                handle[place] = value
                handle[place].attrs.update(attrs)
        except (TypeError, ValueError, OSError):
            return
        if ours:
            with suppress(TsctError):
                handle.attrs[SEAL] = seal_of(handle)


def reader(name, folder):
    """How a file is read: what it does not say itself is in a mapping."""
    if name == "frames.h5":
        pytest.importorskip("pyFAI")
        return lambda path: read_frames(path, Integration(q_min=0.2, q_max=0.5, q_step=0.1))
    flags = ("efficiency", "transmission", "solid_angle", "polarization", "monitor")
    tables = {"attrs": {"energy_kev": 80.0} | {f"{flag}_applied": True for flag in flags}}
    if name == "ndtomo.h5":
        even = {"translation": ([0.0, 1.0, 5], "mm"), "angle": ([0.0, 90.0, 4], "deg")}
        tables |= {axis: {"linspace": values, "units": units} for axis, (values, units) in even.items()}
        tables |= {"intensity": {"units": "counts"}, "q": {"units": "1/angstrom"}}
    if name == "diffmap.h5":
        tables |= {"q": {"units": "1/angstrom"}}
    (folder / "map.toml").write_text(tomli_w.dumps(tables), encoding="utf-8")
    return lambda path: read_scan(path, folder / "map.toml" if name in ("ndtomo.h5", "diffmap.h5") else None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ours.h5", "nxxrdct.h5", "diffmap.h5", "ndtomo.h5", "frames.h5"])
@pytest.mark.filterwarnings("ignore")
def test_whatever_stands_somewhere_ends_in_a_reason(originals, tmp_path, name):
    read = reader(name, tmp_path)
    assert isinstance(read(originals / name), xr.Dataset)
    whole, rng, ends = (originals / name).read_bytes(), generator(7, name), Counter()
    path, where = tmp_path / name, places(originals / name)
    for _ in range(NUMBER // 5):
        place, key = where[rng.integers(len(where))]
        value = VALUES[rng.integers(len(VALUES))]
        path.write_bytes(whole)
        spoil(path, place, key, value)
        try:
            assert isinstance(read(path), xr.Dataset)
            ends["read"] += 1
        except TsctError as error:
            assert str(error)
            ends["refused"] += 1
        except Exception as error:
            raise AssertionError(f"{place}@{key} = {str(value)[:50]!r}: {type(error).__name__}: {error}") from error
        path.unlink()
    print(name, dict(ends))
    assert ends["refused"]


@pytest.mark.parametrize(
    "line",
    [
        "Detector: /etc/passwd",
        "Detector: canary.h5",
        'Detector_config: {"filename": "canary.h5"}',
        'Detector_config: {"\\u0066ilename": "canary.h5"}',
        "SplineFile: canary.h5",
    ],
)
def test_a_geometry_that_names_a_file_is_refused(line, tmp_path, monkeypatch):
    """pyFAI takes a detector, its pixels or its distortions from any file that is named."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "canary.h5").write_text("never opened")
    with pytest.raises(InputError, match=r"geometry \(poni\)"):
        _check_poni(f"# a comment: /etc/passwd\nDistance: 0.1\r{line}\n")
