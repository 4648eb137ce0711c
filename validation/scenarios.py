"""Named scenarios: the twin with one thing changed, and what is expected to break because of it.

A scenario is a set of changes to the keys of the experiment file, so ``tsct run wragg2023 --set KEY=VALUE`` makes the same
twin. What must fail is stated beforehand, with the reason; a check that fails without being named is a finding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tsct.records.errors import UsageError, nearest
from tsct.simulate.faults import COMMON, no_faults

#: six potentials that still determine three hinges
POTENTIALS_V = (0.50, 0.40, 0.30, 0.25, 0.205, 0.20)
#: one slice and six states, as scanned by the twin
SMALL: Mapping[str, Any] = {"slices.z_mm": [0.050], "states.potentials_v": list(POTENTIALS_V)}
#: fewer views and wider, fewer Q bins: a scan in a quarter of a second
QUICK: Mapping[str, Any] = {
    **SMALL,
    "beamline.scan.views": 60,
    "beamline.scan.q_step": 0.04,
    "beamline.scan.q_max": 26.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The twin with something changed.

    Parameters
    ----------
    name, title : str
        As on the command line, and one line in words.
    changes : mapping of str to value
        Keys of the experiment file, such as ``beamline.exposure_s``, and what they are set to.
    breaks : mapping of str to str
        Checks that are expected to fail, each with the reason.
    """

    name: str
    title: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    breaks: Mapping[str, str] = field(default_factory=dict)


#: nothing that the analysis is not told of, but the place of the rotation axis
PLAIN: Mapping[str, Any] = {
    f"beamline.faults.{name}": getattr(no_faults(), name) for name in COMMON if name != "axis_offset_mm"
}
