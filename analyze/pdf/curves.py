"""The curves of a region as the field exchanges them: groups iq, sq, fq and gr, each with its axis Q or r."""

import numpy as np
import xarray as xr

from tsct.analyze.recipe.pdf_recipe import stated_recipe
from tsct.records.schema import STATE_AXIS


def curve_records(found: xr.Dataset) -> dict[str, xr.Dataset]:
    """Datasets ``iq``, ``sq``, ``fq`` and ``gr`` of the region of interest through the states.

    Each holds one variable of its own name, with ``..._errors`` where they are known, over (state, Q) or (state, r), as
    other programs of the field name their groups.

    Parameters
    ----------
    found : xarray.Dataset
        See :func:`tsct.analyze.collect`.

    Returns
    -------
    dict of str to xarray.Dataset
        Those that the recovered data can give.
    """
    states = {
        name: found[name] for name in ("state", found.attrs.get("state_axis", STATE_AXIS)) if name in found.coords
    }
    recipe = stated_recipe(found.attrs)
    known = {name: recipe.stated[name] for name in ("composition", "q_min", "q_max", "window")} if recipe else {}
    records = {}
    for name, source, axis, label in (
        ("iq", "roi_iq", "q", "Q"),
        ("fq", "roi_fq", "q_used", "Q"),
        ("gr", "roi_gr", "r", "r"),
    ):
        if source in found:
            parts = {name: found[source].variable}
            if f"{source}_errors" in found:
                parts[f"{name}_errors"] = found[f"{source}_errors"].variable
            record = xr.Dataset(parts, coords={axis: found[axis].variable, **states}, attrs=known)
            records[name] = record.rename({axis: label})
    if "fq" in records:
        records["sq"] = _structure_function(records["fq"])
    return {name: records[name] for name in ("iq", "sq", "fq", "gr") if name in records}


def _structure_function(fq: xr.Dataset) -> xr.Dataset:
    """S(Q) = 1 + F(Q) / Q, errors likewise."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = {"sq": 1.0 + fq.fq / fq.Q}
        if "fq_errors" in fq:
            parts["sq_errors"] = fq.fq_errors / fq.Q
    record = xr.Dataset(parts, attrs=fq.attrs)
    record["sq"].attrs = {"units": "1", "long_name": "S(Q)"}
    if "sq_errors" in record:
        record["sq_errors"].attrs = {"units": "1"}
    return record
