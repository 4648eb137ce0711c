"""Five hundred damaged files: each is refused with a reason or gives what was written, and none hangs."""

import os
from collections import Counter

import h5py
import numpy as np
import pytest
import xarray as xr

from tsct.records.errors import TsctError
from tsct.records.io import trial
from tsct.records.io.files import open_complete, read_record, write_records
from tsct.records.io.frame_files import write_frames
from tsct.records.io.scan_files import write_scan
from tsct.records.io.untrusted import attributes, member, names_of, opened, values
from tsct.records.seeds import generator

#: damaged files of each original
NUMBER = {"scan.h5": 150, "truth.h5": 150, "frames.h5": 75, "old.h5": 125}
#: the walk through a file of some kilobytes takes a hundredth of a second
SECONDS = 2.0


def scan() -> xr.Dataset:
    rng, rays = generator(5, "scan"), ("angle", "translation")
    return xr.Dataset(
        {
            "intensity": ((*rays, "q"), rng.poisson(50, (4, 5, 30)).astype(np.float32), {"units": "counts"}),
            "monitor": (rays, rng.random((4, 5)), {"units": "photons"}),
            "transmission": (rays, rng.random((4, 5)), {"units": "1"}),
            "solid_angle": ("q", rng.random(30), {"units": "sr"}),
            "polarization": ("q", rng.random(30), {"units": "1"}),
        },
        coords={
            "angle": ("angle", np.arange(4.0), {"units": "deg"}),
            "translation": ("translation", np.arange(5.0), {"units": "mm"}),
            "q": ("q", np.arange(1.0, 31.0), {"units": "1/angstrom"}),
            "state": 3,
            "slice": 1,
        },
        attrs={"instrument": "a beamline", "energy_kev": 100.0, "sensor_material": "CdTe", "sensor_mm": 1.0},
    )


def truth() -> xr.Dataset:
    rng = generator(5, "truth")
    return xr.Dataset(
        {
            "silicon": (("state", "y", "x"), rng.random((3, 9, 9)), {"units": "1/angstrom^3"}),
            "structure": ("phase", ["a-si", "a-li0.3si", "graphite"], {"long_name": "name of the structure"}),
            "count": ((), 12),
        },
        coords={"state": [0, 1, 2], "z_mm": ("state", [0.1, 0.2, 0.3], {"units": "mm"})},
        attrs={"experiment": "fuzz", "seed": 1, "composition": {"Si": 0.5, "C": 0.5}},
    )


def contents(handle) -> dict:
    """Everything in a file by its name, read as a reader of foreign files does."""
    found, waiting = {}, [""]
    while waiting:
        place = waiting.pop()
        node = member(handle, place)
        waiting += [f"{place}/{name}" for name in names_of(node)] if isinstance(node, h5py.Group) else []
        data = values(node) if isinstance(node, h5py.Dataset) else None
        found[place] = (np.array(data).tolist(), {key: np.array(v).tolist() for key, v in attributes(node).items()})
    return found


def foreign(path) -> dict:
    with opened(path) as handle:
        return contents(handle)


def frames(path) -> dict:
    with open_complete(path) as handle:
        return contents(handle)


def records(path) -> dict:
    return {name: read_record(path, name).to_dict() for name in ("truth", "phases")}


READERS = {
    "scan.h5": lambda path: read_record(path, "data").to_dict(),
    "truth.h5": records,
    "frames.h5": frames,
    "old.h5": foreign,
}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Small files of every kind that is written, and one in HDF5's old format, which has no checksums of its own."""
    folder = tmp_path_factory.mktemp("originals")
    write_scan(folder / "scan.h5", scan())
    write_records(folder / "truth.h5", {"truth": truth(), "phases": truth().isel(y=0)})
    beside = {"angle_deg": 0.0, "translation_mm": 1.0, "monitor": 2.0}
    images = [(generator(5, "frames", i).poisson(5.0, (20, 16)).astype(np.int32), beside) for i in range(3)]
    write_frames(folder / "frames.h5", images, mask=np.zeros((20, 16), bool), known=scan().attrs, poni="Distance: 1\n")
    with h5py.File(folder / "old.h5", "w", libver="earliest") as handle:
        for i in range(12):
            settings = {"chunks": (2, 5), "compression": "gzip"} if i % 2 else {}
            handle.create_dataset(f"entry/group{i}/data", data=np.arange(40.0).reshape(8, 5), **settings)
            handle[f"entry/group{i}"].attrs.update(units="counts", number=i, words=["a", "bc"])
            handle[f"entry/group{i}/title"] = f"the {i}th"
    return folder


def damaged(whole: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Flipped bits, a cut, a block of zeros, or a block from elsewhere."""
    broken, kind = bytearray(whole), rng.integers(4)
    if kind == 0:
        for place in rng.integers(0, len(broken), rng.integers(1, 9)):
            broken[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del broken[int(rng.integers(len(broken))) :]
    else:
        size = int(rng.choice([8, 64, 512]))
        start = int(rng.integers(max(1, len(broken) - size)))
        other = others[rng.integers(len(others))]
        origin = int(rng.integers(max(1, len(other) - size)))
        block = bytes(size) if kind == 2 else other[origin : origin + size]
        broken[start : start + len(block)] = block
    return bytes(broken)


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_damaged_files_are_refused_or_harmless(originals, tmp_path, monkeypatch, record_property):
    monkeypatch.setattr(trial, "SECONDS", SECONDS)
    whole = {path.name: path.read_bytes() for path in originals.iterdir()}
    ends: Counter[str] = Counter()
    for name, read in READERS.items():
        expected, before = read(originals / name), ends.copy()
        for number in range(NUMBER[name]):
            path = tmp_path / f"{number}-{name}"
            path.write_bytes(damaged(whole[name], list(whole.values()), generator(5, "damage", name, number)))
            try:
                same = read(path) == expected
            except TsctError as error:
                assert str(path) in str(error), error
                ends["endless" if "gets nowhere" in str(error) else "refused"] += 1
            else:
                # the old format cannot tell; what it gives is at least numbers and text
                ends["identical" if same else "changed, without checksums" if name == "old.h5" else "wrong"] += 1
            os.unlink(path)
        record_property(name, dict(ends - before))
        print(name, dict(ends - before))
    assert ends.total() == sum(NUMBER.values()) == 500
    assert ends["wrong"] == 0 and ends["refused"] > 250 and ends["identical"] > 10
