"""Whether forward and inverse share what they must not share (A0)."""

from .check import Check, Evidence, Measurement, NotRunError

#: what the truth says was simulated with, and recovered data may say was analysed with
SHARED = ("forward_operator", "forward_tables")
#: a truth grid this much finer than the voxels is another grid
FINER = 3


def _crimes(evidence: Evidence) -> Measurement:
    """Zero where nothing is shared; not a number, which no window holds, where something is."""
    truth, found = evidence.truth.attrs, evidence.found.attrs
    said = [name for name in SHARED if name in found]
    if not said:
        raise NotRunError(f"the recovered data do not state {' or '.join(SHARED)}")
    same = [name for name in said if found[name] == truth.get(name)]
    if "forward_operator" in same and truth.get("supersampling", 1) >= FINER and found.get("supersampling", 1) == 1:
        same.remove("forward_operator")
    if not same:
        return Measurement(value=0.0, n=len(said))
    note = f"the same {' and '.join(same)} made the data and analysed them"
    return Measurement(value=float("nan"), n=len(said), note=note)


CHECKS = (
    Check(
        id="A0",
        title="simulation and analysis share no operator and no table",
        reason="A chain that inverts the very operator that made the data looks better than it is: the inverse crime.",
        source="Colton & Kress, Inverse Acoustic and Electromagnetic Scattering Theory; attributes of truth and data",
        low=0.0,
        high=0.0,
        unit="1",
        measure=_crimes,
    ),
)
