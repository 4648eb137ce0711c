"""Windows in standard errors, from how often a good chain may be called wrong.

A run of the gate shall refuse a good chain with a chance of at most one in a thousand. Each check gets the same share
of that (Bonferroni: the sum of the shares bounds the chance that any alarms, however the checks hang together), and
where a check takes the largest of several deviations, each of these gets the same share of the check's.
"""

import math

from scipy.stats import norm

#: chance of refusing a good chain in one run of the gate
FALSE_ALARMS = 1e-3
#: checks that share it, as many as the gate holds at most
CHECKS_AT_MOST = 50
#: chance that a single check refuses a good chain
CHANCE = FALSE_ALARMS / CHECKS_AT_MOST


def sigmas(largest_of: int = 1) -> float:
    """Standard errors within which the largest of so many normal deviates stays but for `CHANCE`, rounded up to 0.1.

    Two-sided, and for deviates that may depend on each other in any way.
    """
    return math.ceil(10 * float(norm.isf(CHANCE / (2 * largest_of)))) / 10


def window_source(largest_of: int = 1) -> str:
    """Where such a window comes from, in words."""
    what = "a normal deviate" if largest_of == 1 else f"the largest of {largest_of} normal deviates"
    return f"{what} stays within {sigmas(largest_of):g} but for a chance of {CHANCE:.0e}, a {CHECKS_AT_MOST}th of 1e-3"
