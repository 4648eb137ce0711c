"""The structure library: atoms of every material in the beam, with density, thermal motion, origin and known limits."""

import gzip
import tomllib
from bisect import bisect, bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import NDArray

from tsct.records.errors import UsageError, nearest
from tsct.records.units import ATOMS_PER_A3

from .thermal import STATIC, Thermal

KINDS = ("periodic", "cluster", "molecule")
#: members of the molecular entries, as named in `molecules`
MOLECULES = {
    "electrolyte": ("ethylene carbonate", "dimethyl carbonate", "hexafluorophosphate", "lithium ion"),
    "cmc-binder": ("sodium carboxymethyl cellulose",),
    "peek": ("polyether ether ketone",),
    "polyimide": ("polyimide",),
    "polyolefin": ("polyethylene",),
    "air": ("N2", "O2", "Ar"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Structure:
    """Atoms of one material and what is known about them.

    Parameters
    ----------
    name, title : str
        Name in the library, and the same in words.
    kind : {"periodic", "cluster", "molecule"}
        How the members scatter: as boxes that repeat, or each alone in empty space.
    members : tuple of ase.Atoms
        Static positions (thermal motion is `thermal`). More than one: an ensemble, or the species of a mixture.
    mole_fractions : tuple of float
        Relative number of each member; they sum to one.
    density_g_cm3 : float
        Mass density of the solid or liquid itself, without pores.
    thermal : Thermal
        Thermal motion at 300 K.
    lithium_per_silicon : float
        Li atoms per Si atom, 0 where there is no silicon.
    crystallite_a : float or None
        Diameter in angstrom of the spherical domains in which a crystal comes; if it is not given 150, or the width of
        the box where atoms were drawn into one.
    recipe, energy_model, sources, limits : str
        How the atoms were made, what energy they minimise, where the numbers come from, and what to distrust.
    seed : int or None
        Root seed of the recipe, if it draws random numbers.

    Raises
    ------
    ValueError
        If the parts contradict each other.
    """

    name: str
    title: str
    kind: str
    members: tuple[Atoms, ...]
    mole_fractions: tuple[float, ...]
    density_g_cm3: float
    thermal: Thermal = STATIC
    lithium_per_silicon: float = 0.0
    crystallite_a: float | None = None
    recipe: str = ""
    seed: int | None = None
    energy_model: str = ""
    sources: str = ""
    limits: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind of {self.name} is {self.kind!r}; allowed are {', '.join(KINDS)}")
        if not self.members or len(self.members) != len(self.mole_fractions):
            raise ValueError(f"{self.name} has {len(self.members)} members, {len(self.mole_fractions)} mole fractions")
        if not np.isclose(sum(self.mole_fractions), 1.0, rtol=0.0, atol=1e-9):
            raise ValueError(f"mole fractions of {self.name} sum to {sum(self.mole_fractions)}, not 1")
        if not self.density_g_cm3 > 0.0:
            raise ValueError(f"density of {self.name} is {self.density_g_cm3} g/cm3; it must be positive")

    @property
    def composition(self) -> dict[str, float]:
        """Atom fraction of each element; the fractions sum to one."""
        return dict(_composition(self))

    @property
    def number_density_per_a3(self) -> float:
        """Atoms per cubic angstrom."""
        return self.natural_density_g_cm3 * ATOMS_PER_A3 / molar_mass_g_mol(self.composition)

    @property
    def natural_density_g_cm3(self) -> float:
        """Mass density if all isotopes were as in nature, which tables per gram of an element are made for."""
        if not any(atoms.has("masses") for atoms in self.members):
            return self.density_g_cm3
        weighted = list(zip(self.mole_fractions, self.members, strict=True))
        own = sum(share * float(atoms.get_masses().sum()) for share, atoms in weighted)
        light = sum(share * float(atomic_masses[atoms.numbers].sum()) for share, atoms in weighted)
        return self.density_g_cm3 * light / own


@lru_cache(maxsize=64)
def _composition(structure: Structure) -> dict[str, float]:
    counts: dict[str, float] = defaultdict(float)
    for atoms, fraction in zip(structure.members, structure.mole_fractions, strict=True):
        for symbol, number in Counter(atoms.get_chemical_symbols()).items():
            counts[symbol] += fraction * number
    total = sum(counts.values())
    return {symbol: number / total for symbol, number in sorted(counts.items())}


def molar_mass_g_mol(composition: Mapping[str, float]) -> float:
    """Mean molar mass in g/mol of one atom of a composition (atom fractions)."""
    return sum(fraction * float(atomic_masses[atomic_numbers[symbol]]) for symbol, fraction in composition.items())


def cell_density_g_cm3(members: tuple[Atoms, ...]) -> float:
    """Mass density of periodic boxes, all atoms over all volume."""
    mass = sum(float(atoms.get_masses().sum()) for atoms in members)
    return mass / sum(float(atoms.get_volume()) for atoms in members) / ATOMS_PER_A3


@cache
def structure(name: str) -> Structure:
    """One entry of the library.

    Raises
    ------
    UsageError
        If the library has no such entry.
    """
    if name not in _records():
        raise UsageError(f"no structure '{name}' in the library{nearest(name, structure_names())}")
    record = _records()[name]
    members, u_iso = _atoms(record)
    fractions = record.get("mole_fractions", [1.0 / len(members)] * len(members))
    density = record["density_g_cm3"] if "density_g_cm3" in record else cell_density_g_cm3(members)
    return Structure(
        name=name,
        title=record["title"],
        kind=record["kind"],
        members=members,
        mole_fractions=tuple(fractions),
        density_g_cm3=density,
        thermal=Thermal(**{"u_iso": u_iso, **record["thermal"]}),
        lithium_per_silicon=_lithium_per_silicon(members),
        crystallite_a=_domain_a(record, members),
        **{key: record[key] for key in ("recipe", "seed", "energy_model", "sources", "limits") if key in record},
    )


def structure_names() -> tuple[str, ...]:
    """Names of all entries, in the order of the library."""
    return tuple(_records())


@cache
def lithiated_series(reach: float = np.inf) -> tuple[Structure, ...]:
    """Amorphous silicon and its lithiated descendants by increasing Li per Si, each from the same networks.

    Parameters
    ----------
    reach : float
        Li per Si that the series has to reach: it ends with the first member that has as much; the whole series by
        default.
    """
    members = [structure(name) for name in structure_names() if _records()[name].get("lineage")]
    members.sort(key=lambda member: member.lithium_per_silicon)
    return tuple(members[: 1 + bisect_left([member.lithium_per_silicon for member in members], reach)])


def series_weights(series: tuple[Structure, ...], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each member of a lithiated series at composition `x`: linear between neighbours, exact at members.

    Shape (member, ...); the shares sum to one, and the mean Li per Si is exactly `x` inside the range of the series.
    """
    nodes = np.array([member.lithium_per_silicon for member in series])
    if len(nodes) == 1:
        return np.ones((1, *np.shape(x)))
    return np.stack([np.interp(x, nodes, row) for row in np.eye(len(nodes))])


def read_members(file: str) -> tuple[Atoms, ...]:
    """Members stored in one compressed extxyz file of the library."""
    import ase.io  # slow to load, and a wrong experiment is refused without it

    packed = files("tsct.phantoms.structures").joinpath("data", file).read_bytes()
    text = gzip.decompress(packed).decode("ascii")
    return tuple(ase.io.read(StringIO(text), format="extxyz", index=":"))


@cache
def _records() -> dict[str, Any]:
    return tomllib.loads(files("tsct.phantoms.structures").joinpath("data", "structures.toml").read_text("utf-8"))


def _atoms(record: Mapping[str, Any]) -> tuple[tuple[Atoms, ...], dict[str, float]]:
    """Members of a record and, where a CIF states it, the thermal motion of each element (square angstrom)."""
    if "cif" in record:
        return _cif(**record["cif"])
    members = _crystal(record["crystal"]) if "crystal" in record else read_members(record["file"])
    return members, {}


def _cif(file: str, **drawing: Any) -> tuple[tuple[Atoms, ...], dict[str, float]]:
    """A crystal of the library's own CIFs, by the way that files of users take."""
    from .cif import read_cif
    from .occupancy import whole_atoms

    text = files("tsct.phantoms.structures").joinpath("data", file).read_text("utf-8")
    crystal = read_cif(Path(file), text)
    atoms, _ = whole_atoms(crystal, file, **drawing)
    return (atoms,), crystal.mean_u_a2()


def _domain_a(record: Mapping[str, Any], members: tuple[Atoms, ...]) -> float | None:
    """Size of the domains of a crystal of drawn atoms; of no other structure."""
    if "occupancy" not in record.get("cif", {}):
        return None
    from .occupancy import drawn_domain_a

    return drawn_domain_a(members[0])


def _crystal(record: Mapping[str, Any]) -> tuple[Atoms, ...]:
    """Supercell of an elemental crystal, with edges at right angles."""
    from ase.build import bulk
    from ase.lattice.hexagonal import Graphite

    if record["lattice"] == "graphite":
        cell = Graphite(
            symbol="C",
            latticeconstant={"a": record["a"], "c": record["c"]},
            directions=[[2, -1, -1, 0], [0, 1, -1, 0], [0, 0, 0, 1]],
        )
        cell = Atoms(cell.symbols, positions=cell.positions, cell=cell.cell, pbc=True)
    else:
        cell = bulk(record["symbol"], record["lattice"], a=record["a"], cubic=True)
    return (cell * tuple(record["repeat"]),)


def _lithium_per_silicon(members: tuple[Atoms, ...]) -> float:
    counts = Counter(symbol for atoms in members for symbol in atoms.get_chemical_symbols())
    return counts["Li"] / counts["Si"] if counts["Si"] else 0.0


def write_members(path: Path, members: Sequence[Atoms]) -> None:
    """Write members as one compressed extxyz file: symbols and positions only, to 1e-4 A, the same bytes every time."""
    import ase.io

    text = StringIO()
    bare = [Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc) for atoms in members]
    ase.io.write(text, bare, format="extxyz", write_results=False)
    lines = [_shorten(line) for line in text.getvalue().splitlines()]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode("ascii"), compresslevel=9, mtime=0))


def _shorten(line: str) -> str:
    fields = line.split()
    if len(fields) != 4 or not fields[0].isalpha():
        return line
    return " ".join([fields[0], *(f"{float(value):.4f}" for value in fields[1:])])


def rebuild(name: str) -> tuple[Atoms, ...]:
    """Make the members of an entry again by its recipe; crystals come from their lattice parameters.

    Takes seconds for carbon and molecules, minutes for glasses and hours for silicon; all but carbon, crystals and the
    simplest molecules need the extra ``structures``. Glasses and silicon agree with the shipped atoms only as far as
    the rounding of another machine lets a relaxation end in the same minimum.

    Raises
    ------
    UsageError
        If the library has no such entry, or an extra is missing.
    """
    from tsct.phantoms.build.carbon import build_carbon_black, build_glassy_carbon
    from tsct.phantoms.build.lithiation import grow, mix
    from tsct.phantoms.build.molecules import build_molecule
    from tsct.phantoms.build.silica import build_silica

    record = structure(name)
    seeds = range(1, 1 + len(record.members))
    silicon = sum(record.members[0].symbols == "Si")
    if name in MOLECULES:
        return tuple(build_molecule(molecule) for molecule in MOLECULES[name])
    if name in ("carbon-black", "glassy-carbon"):
        build = build_carbon_black if name == "carbon-black" else build_glassy_carbon
        return tuple(build(seed) for seed in seeds)
    if name == "silica-glass":
        return tuple(build_silica(silicon, seed) for seed in seeds)
    if name == "a-li3.75si":
        return tuple(mix(silicon, seed, record.lithium_per_silicon) for seed in seeds)
    if _records()[name].get("lineage"):
        ratios = [member.lithium_per_silicon for member in lithiated_series()[1:]]
        ratios = ratios[: bisect(ratios, record.lithium_per_silicon)]
        return tuple(deque(grow(silicon, seed, ratios), maxlen=1).pop() for seed in seeds)
    return record.members
