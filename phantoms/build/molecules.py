"""Molecules of the cell's liquids, polymers and gases: geometry from standard bond lengths."""

from importlib import import_module
from typing import Any

import numpy as np
from ase import Atoms

from tsct.records.errors import UsageError, nearest

#: bond lengths in angstrom by SMARTS of the two atoms; the first pattern that fits a bond decides.
#: Allen et al., J. Chem. Soc. Perkin Trans. 2, S1 (1987), means over crystal structures, hydrogen from neutron
#: diffraction; carbonate esters: gas electron diffraction of dimethyl carbonate, Mijlhoff, J. Mol. Struct. 36, 334
#: (1977).
BONDS_A: tuple[tuple[str, float], ...] = (
    ("[OX1]=[$(C([OX2])[OX2])]", 1.20),
    ("[$([OX2]C=O)][$(C(=O)[OX2])]", 1.34),
    ("[$([OX2]C(=O)O)][CX4]", 1.43),
    ("[OX1]~[$(C(=O)[O-])]", 1.25),
    ("[CX4][$(C(=O)[O-])]", 1.52),
    ("[OX1]=[$(C(c)c)]", 1.22),
    ("[OX1]=[$(C(c)N)]", 1.21),
    ("N[$(C=O)]", 1.39),
    ("c[NX3]", 1.43),
    ("N[H]", 1.01),
    ("c[$(C=O)]", 1.49),
    ("c[OX2]", 1.384),
    ("c:c", 1.390),
    ("[CX4][OX2]", 1.43),
    ("[CX4][CX4]", 1.53),
    ("c[H]", 1.083),
    ("[CX4][H]", 1.09),
    ("O[H]", 0.967),
)
P_F_A = 1.60
NA_O_A = 2.40
DIATOMIC_A = {"N2": 1.098, "O2": 1.208}

#: atoms mapped 1 are cut off with their hydrogen and atoms mapped 2 lose one hydrogen: there the polymer goes on
SMILES = {
    "ethylene carbonate": "O=C1OCCO1",
    "dimethyl carbonate": "COC(=O)OC",
    "sodium carboxymethyl cellulose": "[O-]C(=O)COC[C@H]1O[C@@H]([OH:1])[C@H](O)[C@@H](O)[C@@H]1[OH:2]",
    "polyether ether ketone": "[OH:2]c1ccc(cc1)Oc1ccc(cc1)C(=O)c1cc[cH:2]cc1",
    "polyimide": "[cH:2]1ccc(cc1)Oc1ccc(cc1)N1C(=O)c2cc3C(=O)[NH:2]C(=O)c3cc2C1=O",
}


def build_molecule(name: str, *, seed: int = 1) -> Atoms:
    """One molecule or repeat unit, without a cell.

    Parameters
    ----------
    name : str
        A key of `SMILES`, or "hexafluorophosphate", "lithium ion", "polyethylene", "N2", "O2", "Ar".
    seed : int
        Seed of the conformer, where the molecule has several.

    Raises
    ------
    UsageError
        If the molecule is not known, or RDKit is needed and missing.
    """
    simple = {
        "hexafluorophosphate": _hexafluorophosphate,
        "lithium ion": lambda: Atoms("Li"),
        "polyethylene": _polyethylene,
        "N2": lambda: Atoms("N2", positions=[[0, 0, 0], [DIATOMIC_A["N2"], 0, 0]]),
        "O2": lambda: Atoms("O2", positions=[[0, 0, 0], [DIATOMIC_A["O2"], 0, 0]]),
        "Ar": lambda: Atoms("Ar"),
    }
    if name in simple:
        return simple[name]()
    if name not in SMILES:
        raise UsageError(f"no molecule '{name}'{nearest(name, (*SMILES, *simple))}")
    atoms = _from_smiles(SMILES[name], seed)
    return _add_sodium(atoms) if name.startswith("sodium") else atoms


def _hexafluorophosphate() -> Atoms:
    arms = P_F_A * np.vstack([np.eye(3), -np.eye(3)])
    return Atoms("PF6", positions=np.vstack([np.zeros(3), arms]))


def _polyethylene(carbons: int = 20) -> Atoms:
    """Stretch of an all-trans chain, cut from the crystal (Bunn, Trans. Faraday Soc. 35, 482 (1939)).

    Repeat 2.534 A along the chain and C-C 1.53 A put the carbons 0.43 A off its axis.
    """
    half_repeat, cc, ch, hch = 1.267, 1.53, 1.09, np.radians(107.0)
    off_axis = 0.5 * np.sqrt(cc**2 - half_repeat**2)
    side = np.where(np.arange(carbons) % 2 == 0, 1.0, -1.0)
    carbon = np.column_stack([np.arange(carbons) * half_repeat, side * off_axis, np.zeros(carbons)])
    out = side[:, None] * np.array([0.0, ch * np.cos(hch / 2), 0.0])
    across = np.array([0.0, 0.0, ch * np.sin(hch / 2)])
    return Atoms(
        f"C{carbons}H{2 * carbons}", positions=np.vstack([carbon, carbon + out + across, carbon + out - across])
    )


def _from_smiles(smiles: str, seed: int) -> Atoms:
    """Conformer of lowest MMFF94 energy with its bonds held at the table's lengths, cut where the SMILES says."""
    Chem, AllChem = _load_rdkit()
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(molecule, randomSeed=seed)
    field = AllChem.MMFFGetMoleculeForceField(molecule, AllChem.MMFFGetMoleculeProperties(molecule))
    field.Initialize()
    for (i, j), length in bond_lengths(molecule).items():
        field.MMFFAddDistanceConstraint(i, j, False, length, length, 1e5)
    for _ in range(20):
        if field.Minimize(maxIts=2000) == 0:
            break
    keep = [atom.GetIdx() for atom in molecule.GetAtoms() if not _is_cut(atom)]
    symbols = [molecule.GetAtomWithIdx(i).GetSymbol() for i in keep]
    return Atoms(symbols, positions=molecule.GetConformer().GetPositions()[keep])


def bond_lengths(molecule: Any) -> dict[tuple[int, int], float]:
    """Length in angstrom of every bond of an RDKit molecule with explicit hydrogen, from `BONDS_A`.

    Raises
    ------
    ValueError
        If no pattern fits a bond.
    """
    Chem, _ = _load_rdkit()
    found: dict[tuple[int, int], float] = {}
    for pattern, length in BONDS_A:
        for pair in molecule.GetSubstructMatches(Chem.MolFromSmarts(pattern), uniquify=False):
            found.setdefault((min(pair), max(pair)), length)
    for bond in molecule.GetBonds():
        ends = sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
        if tuple(ends) not in found:
            raise ValueError(f"no bond length for {bond.GetBeginAtom().GetSymbol()}-{bond.GetEndAtom().GetSymbol()}")
    return found


def _is_cut(atom: Any) -> bool:
    """Whether the atom belongs to the neighbouring repeat unit."""
    if atom.GetAtomMapNum() == 1:
        return True
    return atom.GetSymbol() == "H" and atom.GetNeighbors()[0].GetAtomMapNum() in (1, 2)


def _add_sodium(atoms: Atoms) -> Atoms:
    """Sodium in the plane of the carboxylate group, at the same distance from both oxygens."""
    oxygens, carbon = _carboxylate(atoms)
    middle = atoms.positions[oxygens].mean(axis=0)
    outward = middle - atoms.positions[carbon]
    half = 0.5 * atoms.get_distance(*oxygens)
    site = middle + outward / np.linalg.norm(outward) * np.sqrt(NA_O_A**2 - half**2)
    return atoms + Atoms("Na", positions=[site])


def _carboxylate(atoms: Atoms) -> tuple[list[int], int]:
    distances = atoms.get_all_distances()
    for carbon in np.flatnonzero(atoms.symbols == "C"):
        oxygens = [int(i) for i in np.flatnonzero(atoms.symbols == "O") if distances[carbon, i] < 1.3]
        if len(oxygens) == 2:
            return oxygens, int(carbon)
    raise ValueError("no carboxylate group")


def _load_rdkit() -> tuple[Any, Any]:
    try:
        return import_module("rdkit.Chem"), import_module("rdkit.Chem.AllChem")
    except ImportError as missing:
        raise UsageError('molecules are rebuilt with RDKit: pip install "tsct[structures]"') from missing
