"""Signal to noise of the first two peaks in single voxels."""

import numpy as np

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, Reading, need


def _signal_to_noise(evidence: Evidence, name: str, floor: float) -> Measurement:
    """Fifth percentile over the region of interest of peak height over its propagated error."""
    need(evidence, f"{name}_height", f"{name}_height_errors", "roi")
    middle = int(evidence.recovered.attrs["roi_slice"])
    tile = evidence.recovered.isel(state=0).sel(slice=middle)
    true = evidence.truth[name].sel(slice=middle).values
    inside = evidence.recovered.roi.values.astype(bool)
    inside &= true >= floor * true[inside].mean()
    if not inside.any():
        raise NotRunError(f"no voxel holds enough {name}")
    ratio = (tile[f"{name}_height"] / tile[f"{name}_height_errors"]).values[inside]
    return Measurement(value=float(np.percentile(ratio, 5)), n=ratio.size, note=f"median {np.median(ratio):.1f}")


CHECKS = (
    Check(
        id="voxel.signal-to-noise[silicon]",
        alias="A6",
        figure="errors",
        paper=Reading(
            quantity="Si–Si peak in single voxels",
            value="obvious",
            remark="Height over its error, in nineteen of twenty voxels at least this.",
        ),
        title="single-voxel Si-Si peak over noise",
        reason="The maps stand on this peak being visible in every voxel.",
        source="Wragg et al. 2023: the first two peaks are obvious in single-voxel PDFs",
        low=8.0,
        high=np.inf,
        unit="1",
        about="paper",
        measure=lambda e: _signal_to_noise(e, "silicon", 0.0),
        power="a fifth of the signal to noise of the twin",
    ),
    Check(
        id="voxel.signal-to-noise[carbon]",
        alias="A6b",
        figure="errors",
        paper=Reading(quantity="C–C peak in single voxels", value="obvious", remark="Likewise."),
        title="single-voxel C-C peak over noise",
        reason="Carbon scatters little at high Q; its peak is the weaker of the two.",
        source="Wragg et al. 2023, at voxels with at least half the mean carbon",
        low=2.5,
        high=np.inf,
        unit="1",
        about="paper",
        measure=lambda e: _signal_to_noise(e, "carbon", 0.5),
        power="a fifth of the signal to noise of the twin",
    ),
)
