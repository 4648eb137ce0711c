"""Every entry of the structure library beside published values: the page docs/structures.md and its pictures.

    python examples/structure_library.py docs/structures.md docs/pictures

Takes a few minutes. Rows of the tables are the gates of `tsct structures check`; a failed gate is a limit of the entry
and is spelled out in its record.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np

from tsct.apps.library import PBE, REAXFF, REFERENCES, WARM_DFTB, Gate, R, Shown, draw, shown
from tsct.phantoms.structures import Structure, describe, lithiated_series, structure_names
from tsct.records.io import write_text
from tsct.validation.report import FOUND, NAIVE, R_LABEL, SECOND, TRUTH, legend, sheet, tidy

matplotlib.use("Agg")

DPI = 80
#: entries with a picture of their own
PORTRAITS = ("a-si", "a-li0.2si", "carbon-black", "glassy-carbon", "silica-glass")
#: published distances (angstrom) that are marked in the small pictures of the other entries
DISTANCES_A = {
    # bonds: Allen et al., J. Chem. Soc. Perkin Trans. 2, S1 (1987); P-F: Mijlhoff, J. Mol. Struct. 36, 334 (1977)
    "electrolyte": (1.20, 1.34, 1.43, 1.53, 1.60),
    "cmc-binder": (1.25, 1.43, 1.53),
    "peek": (1.384, 1.39, 1.49),
    "polyimide": (1.21, 1.39, 1.43, 1.49),
    "polyolefin": (1.53, 2.53),
    # a sqrt(3)/2 and a; a/sqrt(2) and a; a sqrt(3)/4, a/sqrt(2); a/sqrt(3), a: lattice parameters of the CRC Handbook
    "lithium": (3.04, 3.51),
    "copper": (2.556, 3.615),
    "aluminium": (2.864, 4.050),
    "c-si": (2.352, 3.840, 4.503),
    "graphite": (1.42, 2.46, 2.84, 3.35),
    "a-li3.75si": (2.76, 4.65),
    "air": (1.098, 1.208),
    # first shells as in tsct.apps.library.published_crystals; a of cubic metals
    "nickel": (2.492, 3.524),
    "palladium": (2.751, 3.890),
    "platinum": (2.775, 3.923),
    "sodium": (3.716, 4.291),
    "bismuth": (3.071, 3.529),
    "ceria": (2.35, 3.827),
    "lanthanum-hexaboride": (1.66, 1.77, 3.05),
    "alpha-alumina": (1.855, 1.972),
    "gamma-alumina": (1.77, 1.94),
    "quartz": (1.61, 2.63),
    "lithium-cobalt-oxide": (1.92, 2.816),
    "nmc-111": (1.97, 2.862),
    "lithium-iron-phosphate": (1.54, 2.06, 2.25),
    "lithiated-graphite": (1.435, 2.486),
    "bismuth-vanadate": (1.73, 2.36, 2.52, 2.63),
    "lithium-bismuthide": (2.91, 3.36, 4.75),
}
HEAD = """# The structure library

Every phase of an experiment is made of real atoms. This page shows each entry beside published values: what passes, and
what does not. It is written by `python examples/structure_library.py docs/structures.md docs/pictures`; the same tables
and pictures come from `tsct structures show NAME -o picture.png`, for your own files too. `tsct structures check FILE`
judges, `tsct structures build NAME` makes an entry again.

Positions are at rest. Thermal motion at 300 K is a variance of the pair distance (`u_iso`, `delta1`, `delta2` of the
record) that the scattering applies once; give `--snapshots` for files whose atoms move.

## Structure files of your own

`phantoms.read_structure("x.cif")`, `tsct structures show x.cif` and, wherever an experiment names a structure,
`structures.silicon = "x.cif"` read CIF, extended xyz and xyz (lengths in angstrom; UTF-8 with or without a byte order
mark, UTF-16, Latin-1). Look at what was read with `tsct structures show`, before a run. What leaves a choice is refused
in one line that names the key for it:

| key | option | for |
|---|---|---|
| `block` | `--block` | a CIF with several structures |
| `setting` | `--setting` | two origins or axes: `1`, `2`, `H`, `R`, or a whole symbol in place of the file's |
| `occupancy` | `--occupancy` | `draw`: whole atoms instead of partly occupied sites |
| `seed`, `supercell` | `--seed`, `--supercell` | the drawing; cells along each edge (as many as make 30 Å by default) |
| `u_iso_a2` | `--u-iso` | mean-square displacements in Å², one number or one for each element |
| `density_g_cm3` | `--density` | files without a cell |

```toml
[structures]
silicon = { file = "cells.cif", block = "silicon", setting = "2" }
piston = { file = "invar.cif", occupancy = "draw", supercell = [10, 10, 10], u_iso_a2 = { Fe = 0.004, Ni = 0.004 } }
```

- **Symmetry.** Listed operations are applied (they must form a group, keep the cell, and be of the crystal class that
  the file names); where none are listed, a Hall symbol, a Hermann–Mauguin symbol or a number. A file that says nothing
  is refused. Positions within 0.1 Å of a special one are moved onto it.
- **Elements.** `SI` is silicon, `Ce4+` cerium (form factors are those of neutral atoms), `D` and `T` are hydrogen with
  masses of their own: densities are those of the isotopes, scattering and absorption those of as many atoms. Labels
  alone (`CA1`) are read where they, or the formula, leave no choice.
- **Contents are held to the file's own numbers:** formula, Z, volume, weight, density (2 %; measured ones 15 %) and
  multiplicities. A contradiction is refused with both numbers.
- **Occupancy.** Positions closer than 0.6 Å share one place, which holds one atom or none. Over all places of a kind
  the proportions are those of the file as nearly as whole atoms allow; which place gets which atom is drawn without
  correlation. A drawn cell scatters as a disordered box does, with pairs up to half of its width: peaks are as sharp as
  the supercell is wide. Averaged form factors are not offered.
- **Thermal motion** is U_iso, B_iso or a third of the trace of the tensor, averaged over the sites of an element (which
  is said if they differ by more than a quarter). Without it atoms are at rest, which is said too.

"""


def main() -> None:
    page, pictures = Path(sys.argv[1]), Path(sys.argv[2])
    pictures.mkdir(parents=True, exist_ok=True)
    found = {name: shown(name) for name in structure_names()}
    for name in PORTRAITS:
        draw(found[name].portrait, found[name].what).savefig(pictures / f"structure-{name}.png", dpi=DPI)
    series_figure().savefig(pictures / "structure-series.png", dpi=DPI)
    others = [name for name in found if name in DISTANCES_A]
    small_figure([found[name] for name in others]).savefig(pictures / "structure-others.png", dpi=DPI)
    write_text(page, HEAD + "\n".join(text(found)))


def text(found: dict[str, Shown]) -> Iterator[str]:
    """The page, line by line."""
    yield from overview(found)
    yield "## Lithiated silicon against published models\n"
    yield "![Neighbours and distances against Li per Si](pictures/structure-series.png)\n"
    yield from series_table()
    yield "## Crystals, molecules and the lithiated end\n"
    yield "G(r) without truncation; dashed: published distances.\n"
    yield "![G(r) of the other entries](pictures/structure-others.png)\n"
    for name, one in found.items():
        yield from entry(name, one)
    yield "## Sources of the windows\n"
    yield from (f"- **{name}**: {source}" for name, source in REFERENCES.items())


def overview(found: dict[str, Shown]) -> Iterator[str]:
    yield "| entry | what | g/cm³ | members | atoms | gates |"
    yield "|---|---|---|---|---|---|"
    for name, one in found.items():
        s = one.structure
        judged = [gate for gate in one.gates if gate.judged]
        verdict = f"{len(judged) - one.failed} of {len(judged)}"
        size = f"{len(s.members)} | {sum(map(len, s.members))}"
        yield f"| [{name}](#{anchor(name)}) | {s.title} | {s.density_g_cm3:.4g} | {size} | {verdict} |"
    yield ""


def series_table() -> Iterator[str]:
    yield "Mean over the networks, ± half of their range:\n"
    yield "| x | V/Si (Å³) | N(Si–Si) | d(Si–Si) (Å) | N(Si–Li) | d(Si–Li) (Å) | networks |"
    yield "|---|---|---|---|---|---|---|"
    for member in lithiated_series():
        rows = np.array(list(numbers(member)))
        mean, half = rows.mean(axis=0), np.ptp(rows, axis=0) / 2
        cells = [
            f"{m:.{digits}f} ± {h:.{digits}f}" if len(rows) > 1 else f"{m:.{digits}f}"
            for m, h, digits in zip(mean, half, (2, 2, 3, 2, 3), strict=True)
        ]
        cells[3:] = cells[3:] if member.lithium_per_silicon else ["–", "–"]
        yield f"| {member.lithium_per_silicon:.2f} | {' | '.join(cells)} | {len(rows)} |"
    yield ""


def numbers(member: Structure) -> Iterator[tuple[float, ...]]:
    """Volume per Si, Si-Si neighbours and distance, Si-Li neighbours and distance of each network."""
    for atoms in member.members:
        one = Structure(
            name="one", title="", kind="periodic", members=(atoms,), mole_fractions=(1.0,), density_g_cm3=1.0
        )
        pairs, count = describe(one)["pairs"], np.count_nonzero(atoms.symbols == "Si")
        silicon, lithium = pairs["Si-Si"], pairs.get("Si-Li", {"coordination": 0.0, "distance_a": np.nan})
        yield (
            atoms.get_volume() / count,
            *(silicon[key] for key in ("coordination", "distance_a")),
            *(lithium[key] for key in ("coordination", "distance_a")),
        )


#: published cells beside the library's, those at rest first
MODELS = (
    (PBE, "D-", TRUTH, "PBE, at rest"),
    (REAXFF, "^--", NAIVE, "ReaxFF, at rest"),
    (WARM_DFTB, "s:", SECOND, "tight binding, at 320 K"),
)


def series_figure() -> matplotlib.figure.Figure:
    figure = sheet(3.6, 12.5)
    titles = ("Si–Si neighbours (< 2.85 Å)", "mean Si–Si distance (Å)", "Si–Li neighbours (< 3.4 Å)")
    rows = [(member.lithium_per_silicon, row) for member in lithiated_series() for row in numbers(member)]
    x = np.array([row[0] for row in rows])
    for k, (axes, title) in enumerate(zip(figure.subplots(1, 3), titles, strict=True), start=1):
        tidy(axes, "Li per Si", title, title)
        axes.plot(x, [row[1][k] for row in rows], "o", color=FOUND, markersize=4, label="library, each network")
        for table, form, color, label in MODELS:
            axes.plot(table[:, 0], table[:, k + 1], form, color=color, fillstyle="none", label=label)
        axes.set_xlim(-0.05, 1.6)
    legend(figure.axes[2], "upper left")
    figure.axes[0].set_ylim(1.5, 4.4)
    figure.axes[1].set_ylim(2.34, 2.56)
    figure.axes[2].set_ylim(-0.3, 8.0)
    return figure


def small_figure(found: list[Shown]) -> matplotlib.figure.Figure:
    columns = 4
    lines = -(-len(found) // columns)
    figure = sheet(2.2 * lines, 12.5)
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes in grid.flat[len(found) :]:
        axes.set_axis_off()
    for axes, one in zip(grid.flat, found, strict=False):
        tidy(axes, R_LABEL, "G (Å⁻²)", one.structure.name)
        axes.plot(R, one.portrait.gr, color=FOUND, linewidth=1.0)
        for r in DISTANCES_A[one.structure.name]:
            axes.axvline(r, color=SECOND, linewidth=0.8, linestyle="--", zorder=1)
        axes.set_xlim(0.8, 6.0)
    return figure


def entry(name: str, one: Shown) -> Iterator[str]:
    s = one.structure
    yield f"## {name}\n"
    yield f"{s.title[0].upper()}{s.title[1:]}.\n"
    if name in PORTRAITS:
        yield f"![{s.title}](pictures/structure-{name}.png)\n"
    lines = {"Made": s.recipe, "Energy": s.energy_model, "Motion": motion(s), "Sources": s.sources, "Limits": s.limits}
    yield from (f"- **{label}:** {value}" for label, value in lines.items())
    yield "\n| quantity | found | allowed | verdict | source |"
    yield "|---|---|---|---|---|"
    yield from (row(gate) for gate in one.gates)
    yield ""


def motion(structure: Structure) -> str:
    thermal = structure.thermal
    u = ", ".join(f"{symbol} {value:.4g}" for symbol, value in sorted(thermal.u_iso.items()))
    correlated = (("delta1", thermal.delta1, "Å"), ("delta2", thermal.delta2, "Å²"))
    return "; ".join([f"U_iso {u} Å²", *(f"{name} {value:g} {unit}" for name, value, unit in correlated if value)])


def row(gate: Gate) -> str:
    low, high = np.isfinite(gate.low), np.isfinite(gate.high)
    window = (
        f"{gate.low:.4g} – {gate.high:.4g}" if low and high else f"≥ {gate.low:.4g}" if low else f"≤ {gate.high:.4g}"
    )
    verdict = f"**{gate.verdict}**" if gate.verdict == "fail" else gate.verdict
    found, allowed = f"{gate.value:.4g} {gate.unit}", window if low or high else "–"
    return f"| {gate.title} | {found} | {allowed} | {verdict} | {gate.source} |"


def anchor(name: str) -> str:
    """Anchor that GitHub and Sphinx give to a heading."""
    return name.replace(".", "")


if __name__ == "__main__":
    main()
