"""A region of carbon atoms with shells of neighbours, and its PDF by sums: evidence with closed forms for checks."""

import numpy as np
import xarray as xr
import xraylib

from tsct.analyze.pdf import form_factor

Q_FAR, Q, R = np.arange(0.0, 60.0, 0.02), np.arange(0.5, 35.0, 0.05), 0.02 * np.arange(1, 651)
DENSITY = 0.08
#: rms spread of a pair distance so sharp that a transform to 22 1/angstrom sees a wave that never fades
SHARP = 1e-3


def pair_fq(q, at, sigma, coordination=1.0):
    """F(Q) of shells at distances, each with a Gaussian spread."""
    return coordination * np.sin(q * at) / at * np.exp(-((sigma * q) ** 2) / 2)


def pattern(shells, density=DENSITY):
    """Scattering power of carbon atoms with such shells, e.u. per cubic angstrom; form factors of the analysis."""
    f = form_factor("C", Q)
    free = f**2 + np.array([xraylib.SF_Compt(6, s) for s in Q / (4 * np.pi)])
    return density * (free + f**2 * np.sum([pair_fq(Q, *shell) for shell in shells], axis=0) / Q)


def evidence(true, recovered=None, q_max=25.0, noise=1e-4):
    """Truth of one phase with shells, and its region as it was recovered in states of nothing but other shells.

    Silicon takes no part but for its name: the first structure is half carbon atoms, of which the truth tells.
    """
    recovered = [true] if recovered is None else recovered
    coherent = pattern(true, 1.0)
    names, image = ["one", "liquid"], ("phase", "slice", "y", "x")
    phases = xr.Dataset(
        {
            "fq": (("structure", "q_far"), [sum(pair_fq(Q_FAR, *shell) for shell in true), 0 * Q_FAR]),
            "coherent": (("structure", "q"), [coherent, 0 * Q]),
            "compton": (("structure", "q"), np.zeros((2, len(Q)))),
            "second_shell": (("structure", "q"), np.zeros((2, len(Q)))),
            "composition": (("structure", "element"), [[0.0, 1.0], [0.0, 1.0]]),
            "density": ("structure", [DENSITY, 0.1]),
            "gr": (("structure", "r"), np.zeros((2, len(R)))),
        },
        coords={"structure_name": ("structure", names), "element": ["Si", "C"], "q": Q, "q_far": Q_FAR, "r": R},
    )
    truth = xr.Dataset(
        {
            "phase_density": (image, np.reshape([DENSITY, 0.0], (2, 1, 1, 1)) * np.ones((2, 1, 2, 2))),
            "lithium_per_silicon": ("state", [0.0] * len(recovered)),
            "second_shell_loss": ("state", [0.0] * len(recovered)),
        },
        coords={"slice": [0], "phase_structure": ("phase", names), "phase_role": ("phase", ["silicon", "electrolyte"])},
    )
    iq = np.array([pattern(shells) for shells in recovered])
    found = xr.Dataset(
        {
            "roi_iq": (("state", "q"), iq),
            "roi_iq_errors": (("state", "q"), noise * np.ones_like(iq)),
            "compton_weight": ("q", np.ones_like(Q)),
            "roi": (("y", "x"), np.ones((2, 2), np.int8)),
        },
        coords={"q": Q, "r": R},
        attrs={"roi_slice": 0, "q_min": 0.8, "q_max": q_max, "composition": {"C": 1.0}, "reference_density": DENSITY}
        | {"mode": "absolute", "window": "none", "r_poly": 0.6},
    )
    return truth, found, phases


def gr_of(shells, q_max, window="none"):
    """G(r) at r of the chain's transform of such shells: less the polynomial that ends at 0.6 A, by sums."""
    q, r = Q[(Q > 0.79) & (q_max + 0.01 > Q)], 0.01 * np.arange(1, 1301)
    fq = np.sum([pair_fq(q, *shell) for shell in shells], axis=0)
    degree = 0.6 * q_max / np.pi
    low = int(degree)

    def polynomial(order):
        columns = q[:, None] * np.polynomial.chebyshev.chebvander(2 * (q - q[0]) / (q[-1] - q[0]) - 1, order)
        return columns @ np.linalg.lstsq(columns, fq, rcond=None)[0]

    fq = fq - (1 - degree + low) * polynomial(low) - (degree - low) * polynomial(low + 1)
    if window == "lorch":
        fq = fq * np.sin(np.pi * q / q_max) / (np.pi * q / q_max)
    return r, 2 / np.pi * np.trapezoid(fq * np.sin(np.multiply.outer(r, q)), q)


def top(r, gr, low, high):
    """Place and height over the higher of the minima beside it of the one maximum between two distances."""
    k = np.flatnonzero((r[1:-1] > low) & (r[1:-1] < high) & (gr[1:-1] > gr[:-2]) & (gr[1:-1] > gr[2:]))[0] + 1
    before, at, after = gr[k - 1 : k + 2]
    left, right = (next(i for i in range(k, end, step) if gr[i + step] > gr[i]) for step, end in ((-1, 0), (1, 599)))
    return r[k] + 0.005 * (before - after) / (before - 2 * at + after), at - max(gr[left], gr[right])
