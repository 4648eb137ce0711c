"""The picture of one structure: pair functions, S(Q), neighbours, angles and rings."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsct.validation.report import (
    DASHES,
    FAINT,
    FOUND,
    NAIVE,
    Q_LABEL,
    R_LABEL,
    SECOND,
    SMALL,
    THIRD,
    TRUTH,
    legend,
    sheet,
    tidy,
)

from .portrait import Portrait, Q, R
from .published_limits import GRAPHENE_A, LAAZIRI_MAXIMA, LAAZIRI_MINIMA, Material

COLOURS = (FOUND, NAIVE, SECOND, THIRD, TRUTH, FAINT)
#: ends of the axes
R_END, Q_END = 10.0, 16.0
#: pairs whose neighbours are drawn
PAIRS = 4
#: angles that are rarer than this share of the most frequent ones make no curve
FEW = 0.05


def draw(portrait: Portrait, what: Material) -> Figure:
    """Six panels of one structure, with published values where there are some.

    Parameters
    ----------
    portrait : Portrait
        See :func:`tsct.apps.library.portrait.portrait`.
    what : {"a-si", "a-lisi", "carbon", "other"}
        Decides which published values are drawn.
    """
    figure = sheet(6.4, 12.5)
    partial, pdf, factor, neighbours, angles, rings = figure.subplots(2, 3).flat
    _partials(partial, portrait)
    _pdf(pdf, portrait, what)
    _structure_factor(factor, portrait, what)
    _neighbours(neighbours, portrait)
    _angles(angles, portrait)
    _rings(rings, portrait)
    return figure


def _partials(axes: Axes, portrait: Portrait) -> None:
    tidy(axes, R_LABEL, "g(r)", "a  partial pair distributions")
    if not portrait.partials:
        _absent(axes, "a cluster or molecule\nhas no mean density")
        return
    axes.axhline(1.0, color=FAINT, linewidth=0.8)
    for colour, (pair, curve) in zip(COLOURS * 8, portrait.partials.items(), strict=False):
        axes.plot(R, curve, color=colour, linewidth=1.2, label="–".join(pair))
    axes.set_xlim(1.0, R_END)
    axes.set_ylim(bottom=0.0)
    legend(axes, "upper right")


def _pdf(axes: Axes, portrait: Portrait, what: Material) -> None:
    axes.axhline(0.0, color=FAINT, linewidth=0.8)
    axes.plot(R, portrait.gr, color=FOUND, linewidth=1.2)
    axes.set_xlim(0.5, R_END)
    axes.set_ylim(*_span(portrait.gr[R < R_END]))
    tidy(axes, R_LABEL, "G(r) (Å⁻²)", "b  X-ray G(r), Qmax infinite")
    if what == "carbon":
        for r in GRAPHENE_A:
            axes.axvline(r, color=TRUTH, linewidth=0.9, linestyle=DASHES, zorder=1)
        axes.plot([], [], color=TRUTH, linewidth=0.9, linestyle=DASHES, label="distances in graphene")
        legend(axes, "upper right")


def _structure_factor(axes: Axes, portrait: Portrait, what: Material) -> None:
    axes.axhline(1.0, color=FAINT, linewidth=0.8)
    axes.plot(Q, portrait.sq, color=FOUND, linewidth=1.2)
    if what == "a-si":
        published = np.array([*LAAZIRI_MAXIMA, *LAAZIRI_MINIMA])
        (extrema,) = axes.plot(*published.T, "o", color=TRUTH, markersize=4.0, label="extrema, Laaziri 1999")
        extrema.set_fillstyle("none")
        legend(axes, "upper right")
    axes.set_xlim(0.0, Q_END)
    axes.set_ylim(*_span(portrait.sq[(Q > 1.0) & (Q < Q_END)]))
    tidy(axes, Q_LABEL, "S(Q)", "c  X-ray S(Q)")


def _neighbours(axes: Axes, portrait: Portrait) -> None:
    tidy(axes, "number of neighbours", "share of atoms (%)", "d  coordination")
    means = {name: pair["coordination"] for name, pair in portrait.numbers["pairs"].items()}
    names = sorted(means, key=lambda name: -means[name])[:PAIRS]
    if not names:
        _absent(axes, "no bonds")
        return
    labels = {name: f"{name.replace('-', '–')}: mean {means[name]:.2f}" for name in names}
    _bars(axes, {labels[name]: {n: 100 * share for n, share in portrait.neighbours[name].items()} for name in names})


def _bars(axes: Axes, groups: Mapping[str, Mapping[int, float]]) -> None:
    """Bars beside each other, one colour a group."""
    width = 0.8 / len(groups)
    for i, (label, heights) in enumerate(groups.items()):
        offset = (i - (len(groups) - 1) / 2) * width
        at = np.array(list(heights)) + offset
        axes.bar(at, list(heights.values()), width=width, color=COLOURS[i % len(COLOURS)], label=label)
    sizes = [n for heights in groups.values() for n in heights]
    axes.set_xlim(min(sizes) - 0.6, max(sizes) + 0.6)
    axes.set_xticks(range(min(sizes), max(sizes) + 1))
    legend(axes, "upper right", headroom=0.1 * len(groups))


def _angles(axes: Axes, portrait: Portrait) -> None:
    tidy(axes, "bond angle (°)", "share per degree (%)", "e  bond angles")
    if not portrait.angles_deg:
        _absent(axes, "no bonds between like atoms")
        return
    edges = np.arange(40.0, 182.0, 2.0)
    most = max(map(len, portrait.angles_deg.values()))
    drawn = {name: degrees for name, degrees in portrait.angles_deg.items() if len(degrees) > FEW * most}
    for colour, (name, degrees) in zip(COLOURS * 8, drawn.items(), strict=False):
        share = np.histogram(degrees, edges)[0] / len(degrees) / 2.0 * 100.0
        label = f"{name.replace('-', '–')}: {degrees.mean():.1f} ± {degrees.std():.1f}°"
        axes.stairs(share, edges, color=colour, linewidth=1.3, label=label)
    axes.set_xlim(edges[0], 180.0)
    legend(axes, "upper left", headroom=0.12 * len(drawn))


def _rings(axes: Axes, portrait: Portrait) -> None:
    tidy(axes, "ring size", "rings per atom", "f  shortest-path rings (King)")
    if not portrait.rings:
        _absent(axes, "no rings of up to eight bonds\nof silicon or of carbon")
        return
    _bars(axes, portrait.rings)


def _span(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.08 * (high - low) or 1.0
    return low - room, high + room


def _absent(axes: Axes, why: str) -> None:
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color="#666666", fontsize=SMALL)
    axes.set_xticks([])
    axes.set_yticks([])
