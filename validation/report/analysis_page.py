"""The page of a measurement: what was measured, repaired and recovered, where there is no truth to hold it to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tsct.records.io import write_text
from tsct.validation.evidence.axis_of_states import state_axis
from tsct.validation.evidence.phase_amounts import phase_map, phase_names
from tsct.validation.evidence.recovered import with_stated_transform
from tsct.validation.statistics.numbers import number

from .figures.plates import Sources, plates_without_truth
from .page import picture, rendered
from .provenance import provenance

#: name of the page in the folder of an analysis
PAGE = "analysis.html"
#: so many peaks of G(r) are listed
LISTED = 8


def write_analysis_page(folder: Path, recovered: xr.Dataset, manifest: Mapping[str, Any], *, title: str) -> None:
    """Write ``analysis.html`` and ``figures/*.png`` into the folder of an analysis.

    Parameters
    ----------
    folder : Path
        Holds ``recovered.h5``.
    recovered : xarray.Dataset
        See :func:`tsct.analyze.collect`.
    manifest : mapping
        Versions, times and memory of the analysis.
    title : str
        What was analysed, such as the name of the scan file.
    """
    recovered = with_stated_transform(recovered)
    sources = Sources(recovered=recovered)
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    drawn = [picture(plate, sources, figures) for plate in plates_without_truth(recovered)]
    page = rendered(
        "analysis.html.jinja",
        title=title,
        summary=summary(recovered),
        treatment=treatment(recovered),
        peaks=peaks(recovered),
        amounts=amounts(recovered),
        pictures=[one for one in drawn if one.image or not one.plate.optional],
        provenance=provenance(sources, manifest),
        versions=manifest.get("versions", {}),
    )
    write_text(folder / PAGE, page)


def summary(found: xr.Dataset) -> str:
    """Size of what was recovered, in one sentence."""
    states, slices = found.sizes.get("state", 1), found.sizes.get("slice", 1)
    parts = [f"{states} state{'s' * (states > 1)}", f"{slices} slice{'s' * (slices > 1)}"]
    if states > 1:
        axis = state_axis(found)
        parts[0] += f" ({axis.text(0)} to {axis.text(states - 1)})" if axis.unit else ""
    voxel_um = 1e3 * found.attrs["voxel_mm"]
    return (
        f"{' and '.join(parts)} of {found.sizes['y']} x {found.sizes['x']} voxels of {number(voxel_um)} µm, from "
        f"{found.attrs['views']} views at {number(found.attrs['energy_kev'])} keV; the region of interest holds "
        f"{int(found.roi.sum())} voxels."
    )


def treatment(found: xr.Dataset) -> list[tuple[str, str]]:
    """What was repaired and corrected in the first state, label and words."""
    attrs, middle = found.attrs, int(found.attrs["roi_slice"])
    lines = [("repaired", str(attrs.get("repairs", "none"))), ("errors of counts", str(attrs["error_model"]))]
    axis, error = (float(found[name].isel(state=0).sel(slice=middle)) for name in ("axis_mm", "axis_mm_errors"))
    lines.append(
        ("axis of rotation", f"{_signed(axis, 4)} ± {number(error, 2)} mm from the middle of the translations")
    )
    corrections = (
        ("twice_scattered_percent", "scattered twice, subtracted"),
        ("outgoing_percent", "way out of the sample, corrected"),
        ("stripes_percent", "gains of translations, divided out"),
    )
    lines += [(words, f"{number(attrs[name], 3)} %") for name, words in corrections if name in attrs]
    if "trusted" in found:
        share = float(found.trusted.isel(state=0).sel(slice=middle).mean())
        lines.append(("voxels that truncation leaves alone", f"{number(100 * share, 3)} %"))
    if "noise_ratio" in found:
        ratio = float(found.noise_ratio.isel(state=0).sel(slice=middle))
        lines.append(("scatter between channels over stated error", number(ratio, 3)))
    if "level_errors" in found:
        level = float(found.level_errors.isel(state=0).sel(slice=middle))
        lines.append(
            ("error of the number density that all voxels share, of readings and gains", f"{number(100 * level, 2)} %")
        )
    return lines


def peaks(found: xr.Dataset) -> list[dict[str, str | bool]]:
    """The first features of the region's G(r): where, how far they move with the transform, and whether ripples."""
    if "gr_feature_r" not in found:
        return []
    order = np.argsort(found.gr_feature_r.values)[:LISTED]
    columns = ("gr_feature_r", "gr_feature_move_shorter", "gr_feature_move_lorch")
    place, shorter, lorch = (found[name].values[order] for name in columns)
    ripple = found.gr_feature_is_ripple.values[order].astype(bool)
    return [
        {"r": number(float(a), 4), "shorter": _signed(float(b), 2), "lorch": _signed(float(c), 2), "ripple": bool(d)}
        for a, b, c, d in zip(place, shorter, lorch, ripple, strict=True)
        if np.isfinite(a)
    ]


def amounts(found: xr.Dataset) -> list[tuple[str, str]]:
    """Mean amount of every phase in the region in the first state, with what all voxels share as its error."""
    inside, middle = found.roi.values.astype(bool), int(found.attrs["roi_slice"])
    lines = []
    for name in phase_names(found):
        value, level = phase_map(found, name), phase_map(found, name, "level_errors")
        assert value is not None, "phase_names lists phases that have a map"
        mean = float(value.isel(state=0).sel(slice=middle).transpose("y", "x").values[inside].mean())
        doubt = (
            "" if level is None else f" ± {number(abs(mean) * float(level.isel(state=0).sel(slice=middle)) * 1e3, 2)}"
        )
        lines.append((name, f"{number(1e3 * mean)}{doubt} 10⁻³ atoms Å⁻³"))
    return lines


def _signed(value: float, digits: int) -> str:
    return ("+" if value > 0 else "") + number(value, digits)
