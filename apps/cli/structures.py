"""`tsct structures`: the structure library."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tsct.records.errors import UsageError

from .options import ReplaceOption, say

structures_app = typer.Typer(no_args_is_help=True, help="The library of atomic structures behind every phase.")


DensityOption = Annotated[float | None, typer.Option("--density", help="In g/cm³, for a file without a cell.")]
SnapshotsOption = Annotated[
    bool, typer.Option("--snapshots", help="The file's atoms move; otherwise thermal motion is added to them.")
]
BlockOption = Annotated[str | None, typer.Option("--block", help="Data block of a CIF with several structures.")]
SettingOption = Annotated[
    str | None, typer.Option("--setting", help="Origin or axes of a CIF (1, 2, H, R), or a whole space group symbol.")
]
OccupancyOption = Annotated[
    str | None, typer.Option("--occupancy", help="draw: whole atoms instead of partly occupied sites of a CIF.")
]
SeedOption = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of --occupancy draw; 1 if omitted.")]
SupercellOption = Annotated[
    str | None, typer.Option("--supercell", help="Cells of a CIF along its edges: 8, or 8x8x4.", metavar="N[xNxN]")
]
MotionOption = Annotated[
    str | None, typer.Option("--u-iso", help="Mean-square displacements in Å²: 0.005, or Ce=0.003,O=0.006.")
]


@structures_app.command("list")
def structures_list() -> None:
    """All entries with density and size."""
    from tsct.phantoms.structures import structure, structure_names

    table = Table("name", "what", "kind", "g/cm³", "members", "atoms")
    for name in structure_names():
        entry = structure(name)
        atoms = sum(len(member) for member in entry.members)
        row = (entry.title, entry.kind, f"{entry.density_g_cm3:.4g}", str(len(entry.members)), str(atoms))
        table.add_row(name, *row)
    Console().print(table)


@structures_app.command("show")
def structures_show(
    name: Annotated[str, typer.Argument(help="An entry of `tsct structures list`, or an .extxyz, .xyz or .cif file.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--plot", help="Draw its curves, angles and rings: .png, .svg or .pdf.")
    ] = None,
    density: DensityOption = None,
    snapshots: SnapshotsOption = False,
    block: BlockOption = None,
    setting: SettingOption = None,
    occupancy: OccupancyOption = None,
    seed: SeedOption = None,
    supercell: SupercellOption = None,
    u_iso: MotionOption = None,
    overwrite: ReplaceOption = False,
) -> None:
    """What one structure is, how it was made, how it scatters, and how it compares to published values."""
    from tsct.apps.library import show as show_structure

    if output is not None:
        show_structure.check_plot(output, overwrite=overwrite)
    keys = _keys(block, setting, occupancy, seed, supercell, u_iso)
    found = show_structure.shown(name, density_g_cm3=density, snapshots=snapshots, keys=keys)
    for table in show_structure.tables(found):
        Console().print(table)
    if output is not None:
        show_structure.plot(found, output)
        say(f"wrote {output}")


@structures_app.command("check")
def structures_check(
    file: Annotated[str, typer.Argument(help="An .extxyz, .xyz or .cif file, or an entry of the library.")],
    what: Annotated[
        str | None, typer.Option("--as", help="a-si, a-lisi, carbon or other; from the composition if omitted.")
    ] = None,
    density: DensityOption = None,
    snapshots: SnapshotsOption = False,
    measured: Annotated[
        Path | None, typer.Option("--measured", help="Measured S(Q), columns Q and S: adds the R-factor of Q(S-1).")
    ] = None,
    block: BlockOption = None,
    setting: SettingOption = None,
    occupancy: OccupancyOption = None,
    seed: SeedOption = None,
    supercell: SupercellOption = None,
    u_iso: MotionOption = None,
) -> None:
    """Judge a structure by published values; the exit code is 1 if one gate fails.

    Use it before a file of your own goes into an experiment.
    """
    from tsct.apps.library import show as show_structure

    keys = _keys(block, setting, occupancy, seed, supercell, u_iso)
    found = show_structure.shown(
        file, density_g_cm3=density, snapshots=snapshots, what=what, measured=measured, keys=keys
    )
    Console().print(show_structure.gates_table(found))
    typer.echo(f"{file}: {found.failed} of {len(found.gates)} gates fail" if found.failed else f"{file}: passes")
    sys.exit(1 if found.failed else 0)


def _keys(
    block: str | None,
    setting: str | None,
    occupancy: str | None,
    seed: int | None,
    supercell: str | None,
    u_iso: str | None,
) -> dict[str, Any]:
    """Options as keys of the reader."""
    return {
        "block": block,
        "setting": setting,
        "occupancy": occupancy,
        "seed": seed,
        "supercell": None if supercell is None else _supercell(supercell),
        "u_iso_a2": None if u_iso is None else _displacements(u_iso),
    }


def _supercell(text: str) -> int | tuple[int, ...]:
    if not re.fullmatch(r"\d{1,6}(x\d{1,6}x\d{1,6})?", text):
        raise UsageError(f"--supercell is '{text}'; write one number or three, as 8 or 8x8x4")
    numbers = tuple(int(part) for part in text.split("x"))
    return numbers if len(numbers) == 3 else numbers[0]


def _displacements(text: str) -> float | dict[str, float]:
    try:
        if "=" not in text:
            return float(text)
        pairs = (part.partition("=") for part in text.split(","))
        return {symbol.strip(): float(value) for symbol, _, value in pairs}
    except ValueError:
        raise UsageError(f"--u-iso is '{text}'; write 0.005 or Ce=0.003,O=0.006") from None


@structures_app.command("build")
def structures_build(
    name: Annotated[str, typer.Argument(help="An entry of `tsct structures list`.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder that receives NAME.extxyz.")] = Path(),
    overwrite: ReplaceOption = False,
) -> None:
    """Make an entry again by its recipe and compare it with the shipped one.

    Carbon takes seconds, glasses minutes, amorphous silicon and its lithiated members hours. Silicon, glasses and most
    molecules need `pip install "tsct[structures]"`. The exit code is 1 if atoms are elsewhere: expected for relaxed
    structures on another machine, whose numbers (`tsct structures check`) then agree but whose atoms need not.
    """
    from tsct.apps.library import build as build_structure

    path, rows = build_structure.built(name, output, overwrite=overwrite)
    Console().print(build_structure.comparison_table(rows))
    same = all(row.same for row in rows)
    typer.echo(f"{path}: {'the same as shipped' if same else 'differs from what is shipped'}")
    sys.exit(0 if same else 1)
