"""Files as the programs of the field write them, of a scan with known numbers."""

import json

import h5py
import numpy as np


def write(path, **datasets):
    with h5py.File(path, "w") as handle:
        for name, values in datasets.items():
            handle[name.replace("__", "/")] = values
    return path


def diffmap(path, scan, range_of=None):
    """The layout of ``pyFAI-diffmap`` of the command line, release 2026.9; another test holds it to the program."""
    shape = scan.intensity.shape
    config = {"poni": {"wavelength": 1.5e-11}, "correct_solid_angle": True, "polarization_description": [None, 0]}
    with h5py.File(path, "w") as handle:
        process = handle.create_group("entry_0000/pyFAI")
        process["configuration/data"] = json.dumps(config)
        result = process.create_group("result")
        result.attrs.update({"NX_class": "NXdata", "signal": "map", "axes": ["q", "slow", "fast"]})
        result["intensity"] = scan.intensity.values.astype("f4")
        result["q"] = 10 * scan.q.values
        result["q"].attrs["unit"] = "nm^-1"
        for motor, number in (("slow", shape[0]), ("fast", shape[1])):
            result[motor] = np.linspace(0, number - 1, number)
            result[motor].attrs["long_name"] = motor
    return path


def ewoks(folder, scan, order=None, linked=True, title=True):
    """A scan of BLISS and its patterns as ``SaveNexusIntegrated`` of ewoksxrpd 1.10 writes them, motors as links."""
    counts, shape = scan.intensity.values, scan.intensity.shape[:2]
    number = np.arange(shape[0] * shape[1])
    order = number if order is None else order
    angle, place = (
        np.broadcast_to(scan.angle.values[:, None], shape),
        np.broadcast_to(scan.translation.values, shape),
    )
    with h5py.File(folder / "bliss.h5", "w") as handle:
        handle["1.1/measurement/rot"] = angle.ravel()[order]
        handle["1.1/measurement/dty"] = place.ravel()[order]
        handle["1.1/measurement/mon"] = np.ones(len(order))
    with h5py.File(folder / "ew.h5", "w") as handle:
        process = handle.create_group("1.1/integrate")
        process["configuration/data"] = json.dumps({"energy": 80.0, "detector": "pilatus"})
        data = process.create_group("integrated")
        data.attrs.update({"NX_class": "NXdata", "axes": [".", "q"], "signal": "intensity"})
        data["intensity"] = counts.reshape(-1, counts.shape[2])[order].astype("f8")
        data["q"] = 10 * scan.q.values
        data["q"].attrs["units"] = "nm^-1"
        handle["1.1/measurement/integrated"] = h5py.SoftLink("/1.1/integrate/integrated/intensity")
        for name in ("rot", "dty", "mon"):
            link = h5py.ExternalLink("bliss.h5", f"/1.1/measurement/{name}")
            with h5py.File(folder / "bliss.h5", "r") as raw:
                handle[f"1.1/measurement/{name}"] = link if linked else raw[f"1.1/measurement/{name}"][()]
        if title:
            handle["1.1/title"] = "fscan2d dty 0 0.1 3 rot 0 1 4 0.1"
    return folder / "ew.h5"


def flat(folder, scan, zigzag):
    counts = scan.intensity.values.copy()
    if zigzag:
        counts[1::2] = counts[1::2, ::-1]
    return write(folder / "flat.h5", frames=counts.reshape(-1, counts.shape[2]), q=scan.q.values)


def views(folder, scan, zigzag=False, motors=True):
    """One file for each view, numbered without zeros in front."""
    folder.mkdir()
    for i, angle in enumerate(scan.angle.values):
        counts = scan.intensity.values[i]
        places = scan.translation.values
        back = zigzag and i % 2
        with h5py.File(folder / f"xrd_{i}.h5", "w") as handle:
            handle["I"], handle["q"] = counts[::-1] if back else counts, scan.q.values
            if motors:
                handle["rot"], handle["y"] = angle, places[::-1] if back else places
    return folder
