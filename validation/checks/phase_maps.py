"""Maps of silicon and carbon against the truth."""

import numpy as np
from numpy.typing import NDArray

from tsct.validation.evidence.check import Check, Evidence, Measurement, Reading, need
from tsct.validation.evidence.map_view import RIM_VOXELS


def _pairs(evidence: Evidence) -> dict[str, tuple[NDArray, NDArray]]:
    """Recovered and true values of both maps in the reference state, inside the electrode, all slices."""
    need(evidence, "silicon", "carbon")
    state = evidence.recovered.isel(state=0)
    y, x = np.meshgrid(state.y.values, state.x.values, indexing="ij")
    radius = evidence.truth.attrs["electrode_radius_mm"] - RIM_VOXELS * (state.x.values[1] - state.x.values[0])
    inside = np.broadcast_to(np.hypot(x, y) < radius, (state.sizes["slice"], *x.shape))
    true = {name: evidence.truth[name].sel(slice=state["slice"].values).values for name in ("silicon", "carbon")}
    return {name: (state[name].transpose("slice", "y", "x").values[inside], true[name][inside]) for name in true}


def _pearson(evidence: Evidence, name: str) -> Measurement:
    recovered, true = _pairs(evidence)[name]
    r = float(np.corrcoef(recovered, true)[0, 1])
    return Measurement(value=r, n=true.size, error=(1 - r**2) / np.sqrt(true.size))


def _bias(evidence: Evidence, name: str) -> Measurement:
    """Error of the mean over all voxels; what they share does not average out."""
    recovered, true = _pairs(evidence)[name]
    ratio, alone = recovered.mean() / true.mean(), np.std(recovered - true) / np.sqrt(true.size) / true.mean()
    shared = _shared_error(evidence, name)
    known = np.isfinite(shared)
    note = f"± {100 * shared:.2g} % in all voxels alike" if known else "what all voxels share an error of is not known"
    error = 100 * np.hypot(alone, shared * ratio)
    return Measurement(value=float(100 * (ratio - 1)), n=true.size, error=float(error), note=note)


def _shared_error(evidence: Evidence, name: str) -> float:
    """Relative error of the level of a map in the reference state; gains and template are the same in all slices."""
    levels = evidence.recovered.get(f"{name}_level_errors")
    if levels is None:
        return float("nan")
    first = levels.isel(state=0) if "state" in levels.dims else levels
    return float(np.sqrt(np.mean(first.values**2)))


def _cross_talk(evidence: Evidence, name: str) -> Measurement:
    """How much of a relative change of the other phase appears in this map, in per cent of this phase's mean."""
    pairs = _pairs(evidence)
    other = "carbon" if name == "silicon" else "silicon"
    (recovered, own), (_, foreign) = pairs[name], pairs[other]
    design = np.stack([np.ones_like(own), own / own.mean(), foreign / foreign.mean()], axis=1)
    coefficients = np.linalg.lstsq(design, recovered / own.mean(), rcond=None)[0]
    left = np.std(recovered / own.mean() - design @ coefficients)
    error = 100 * left * np.sqrt(np.linalg.pinv(design.T @ design)[2, 2])
    return Measurement(value=float(100 * abs(coefficients[2])), n=own.size, error=float(error))


#: what the reference chain leaves on the gate's small experiment: correlation, bias and cross-talk in per cent
LEFT = {"silicon": (0.996, 0.4, 5), "carbon": (0.93, 3.0, 1)}
_AXIS, _NORMED = "a rotation axis off by 0.5 voxels", "maps renormalised in every voxel"


def _checks(
    name: str, aliases: tuple[str, str, str], powers: tuple[str, str, str], paper: Reading
) -> tuple[Check, Check, Check]:
    correlation, bias, other = LEFT[name]
    return (
        Check(
            id=f"map.correlation[{name}]",
            alias=aliases[0],
            figure=f"map_{name}",
            paper=paper,
            power=powers[0],
            power_measured=True,
            title=f"{name} map: correlation with the truth",
            reason="The rings and the gradient of the electrode must be the ones that were put in.",
            low=0.9,
            high=1.0,
            possible=(-1.0, 1.0),
            unit="1",
            measure=lambda e: _pearson(e, name),
            source=f"a choice: four fifths of the variance, r squared = 0.81; the reference chain has {correlation}",
        ),
        Check(
            id=f"map.bias[{name}]",
            alias=aliases[1],
            figure=f"map_{name}",
            power=powers[1],
            power_measured=True,
            title=f"{name} map: bias",
            reason="Absolute amounts, not just patterns.",
            low=-5.0,
            high=5.0,
            unit="%",
            measure=lambda e: _bias(e, name),
            source=f"a choice: amounts to a twentieth; the reference chain leaves {bias} %",
        ),
        Check(
            id=f"map.cross-talk[{name}]",
            alias=aliases[2],
            figure=f"map_{name}",
            power=powers[2],
            power_measured=True,
            title=f"{name} map: cross-talk",
            reason="A change of the other phase must not show in this map.",
            low=0.0,
            high=15.0,
            possible=(0.0, np.inf),
            unit="%",
            measure=lambda e: _cross_talk(e, name),
            source=f"a choice: a seventh of the other phase; the reference chain leaves {other} %",
        ),
    )


CHECKS = (
    *_checks(
        "silicon",
        ("A11s1", "A11s2", "A11s3"),
        (
            "two frames of electrode and wall in each other's place",
            "an amount 5 % too large or 6 % too small",
            f"{_NORMED}, or a map smoothed by a Gaussian of one voxel",
        ),
        Reading(
            quantity="silicon map",
            value="rings, richer in the centre and near the separator",
            remark="Correlation with the truth.",
        ),
    ),
    *_checks(
        "carbon",
        ("A11c1", "A11c2", "A11c3"),
        (
            f"{_AXIS}, or {_NORMED}",
            "an amount 3 % too large or 9 % too small, on top of the 3 % that the reference chain leaves",
            _NORMED,
        ),
        Reading(quantity="carbon map", value="rings", remark="Likewise."),
    ),
)
