"""Gate an integration by pyFAI: frames in, I(Q) and G(r) of the region out.

tsct simulate examples/small_frames.toml -o twin
tsct frames examples/small_frames.toml --views : --translations : -o twin/frames
python examples/gate_pyfai.py twin
tsct validate twin/theirs.h5 --truth twin
"""

import sys
from pathlib import Path

import h5py
import numpy as np
import pyFAI

from tsct import analyze
from tsct.apps.run import load
from tsct.records.io import read_record, write_records


def integrated(frames, geometry, q):
    """Photons per steradian in each bin of every frame, and their standard errors; -1 where a pixel does not count."""
    half = (q[1] - q[0]) / 2
    bins = {"npt": len(q), "unit": "q_A^-1", "radial_range": (q[0] - half, q[-1] + half)}
    how = {"method": ("no", "csr", "cython"), "polarization_factor": 0.99, "error_model": "poisson"}
    found = [geometry.integrate1d(image, mask=image < 0, **bins, **how) for image in frames]
    pixel_sr = geometry.pixel1 * geometry.pixel2 / geometry.dist**2
    return (np.stack([getattr(one, name) for one in found]) / pixel_sr for name in ("intensity", "sigma"))


def main(folder):
    scan = read_record(folder / "scan" / "state00_slice0.h5", "data")
    geometry = pyFAI.load(str(folder / "frames" / "detector.poni"))
    with h5py.File(folder / "frames" / "state00_slice0.h5") as handle:
        intensity, sigma = integrated(handle["entry/instrument/detector/data"], geometry, scan.q.values)
    # the chain divides by solid angle and polarisation, which pyFAI has done already
    again = (scan.solid_angle * scan.polarization).values
    dims, shape = scan.intensity.dims, scan.intensity.shape
    scan["intensity"] = dims, (intensity * again).reshape(shape).astype(np.float32), {"units": "counts"}
    scan["variance"] = dims, ((sigma * again) ** 2).reshape(shape).astype(np.float32), {"units": "counts^2"}
    found = analyze.chain(scan, load(str(Path(__file__).with_name("small_frames.toml"))).recipe)
    names = ["roi", "compton_weight", "roi_iq", "roi_iq_errors", "roi_gr", "roi_gr_errors", "roi_gr_covariance"]
    write_records(folder / "theirs.h5", {"recovered": found[names]})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
