"""What photons do in every sample, at every beamline: no faults, and on unless a closed form is wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from tsct.records.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """Shares of the effects of a sample of finite size, 1 as in nature.

    An analysis fit for real data has to live with them, so that scans without faults hold them too.

    Parameters
    ----------
    parallax : float
        1 for scattering from the place in the sample where it happens, 0 for scattering from the rotation axis only.
    outgoing_absorption : float
        1 for absorption along the path of the scattered photon, 0 for that of a photon that goes straight on.
    multiple_scattering : float
        1 for photons scattered twice as estimated from the cross sections, 0 for none.

    Raises
    ------
    InputError
        For a share out of range.
    """

    parallax: float = 1.0
    outgoing_absorption: float = 1.0
    multiple_scattering: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in SHARES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"physics.{name} is {value}; allowed are {low:g} to {high:g}")


#: range of each share; more than all double scattering is for learning what more of it would do
SHARES: Mapping[str, tuple[float, float]] = {
    "parallax": (0.0, 1.0),
    "outgoing_absorption": (0.0, 1.0),
    "multiple_scattering": (0.0, 10.0),
}


def point_sample() -> Physics:
    """None of them: every photon scatters once, on the rotation axis, and leaves straight on; for closed forms."""
    return Physics(**dict.fromkeys((item.name for item in fields(Physics)), 0.0))
