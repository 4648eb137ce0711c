"""Whether forward and inverse share what they must not share."""

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError

#: what the truth says was simulated with, and recovered data say was analysed with
SHARED = ("forward_operator", "forward_operator_hash", "forward_tables")
#: a truth grid this much finer than the voxels is another grid
FINER = 3


def _crimes(evidence: Evidence) -> Measurement:
    """Zero where nothing is shared; not a number, which no window holds, where something is."""
    truth, recovered = evidence.truth.attrs, evidence.recovered.attrs
    given = [name for name in SHARED if name in recovered]
    if not given:
        raise NotRunError(f"the recovered data do not state {' or '.join(SHARED)}")
    same = [name for name in given if name in truth and recovered[name] == truth[name]]
    finer = truth.get("supersampling", 1) / recovered.get("supersampling", 1)
    # the same kind of operator on a much finer grid is another operator; the same code is not told apart by its grid
    if "forward_operator" in same and "forward_operator_hash" not in same and finer >= FINER:
        same.remove("forward_operator")
    if same:
        words = " and ".join(name.replace("_", " ") for name in same)
        return Measurement(value=float("nan"), n=len(given), note=f"the same {words} made the data and analysed them")
    note = _kept(truth, recovered, finer)
    if shared := recovered.get("shared_phases"):
        note += f"; the patterns of {shared} are computed from the structures that were simulated"
    return Measurement(value=0.0, n=len(given), note=note)


def _kept(truth: dict, recovered: dict, finer: float) -> str:
    """What keeps both sides apart, and what they do share."""
    note = f"truth grid {finer:g} times finer than the voxels"
    if truth.get("compton_tables") and truth.get("compton_tables") == recovered.get("compton_tables"):
        note += f"; Compton scattering is that of one table on both sides ({recovered['compton_tables']})"
    return note


CHECKS = (
    Check(
        id="provenance.inverse-crime",
        alias="A0",
        precondition=True,
        title="simulation and analysis share no operator and no table of form factors",
        reason="A chain that inverts the very operator that made the data looks better than it is: the inverse crime.",
        source="Colton & Kress, Inverse Acoustic and Electromagnetic Scattering Theory; attributes of truth and data",
        low=0.0,
        high=0.0,
        unit="1",
        measure=_crimes,
        power="the same source code or form factors on both sides; a Compton table in common is only noted",
    ),
)
