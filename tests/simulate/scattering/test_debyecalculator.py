"""Cross-check with DebyeCalculator, an independent engine, and what it is not made for."""

import os
import sys
import warnings

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tsct.phantoms.structures.thermal import STATIC, Thermal
from tsct.records.errors import UsageError
from tsct.simulate.scattering.debyecalculator import debyecalculator_scattering
from tsct.simulate.scattering.scattering import pair_distribution, scattering
from tsct.simulate.scattering.xray_tables import form_factor

Q = np.linspace(0.5, 24.0, 471)


@pytest.fixture(scope="session")
def peer():
    """The package; where it is missing the test is skipped, or fails if TSCT_REQUIRE_REFERENCE is set to 1."""
    try:
        import torch
        from debyecalculator import DebyeCalculator
    except ImportError as error:
        if os.environ.get("TSCT_REQUIRE_REFERENCE") == "1":
            pytest.fail(f"TSCT_REQUIRE_REFERENCE is 1, but {error}")
        pytest.skip(f"optional package: {error}")

    def make(**options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return DebyeCalculator(biso=0.0, dtype=torch.float64, device="cpu", **options)

    return make


def cluster(symbols: tuple[str, ...], number: int = 150) -> Atoms:
    lattice = (bulk("Si", "diamond", a=5.43, cubic=True) * (4, 4, 4)).positions
    near = np.argsort(((lattice - lattice.mean(axis=0)) ** 2).sum(axis=1))[:number]
    rng = np.random.default_rng(len(symbols))
    return Atoms(rng.choice(symbols, number), positions=lattice[near] + rng.uniform(-0.3, 0.3, (number, 3)))


@pytest.mark.reference
@pytest.mark.usefixtures("peer")
@pytest.mark.parametrize("symbols", [("Si",), ("C", "Si"), ("C", "F", "Li", "O", "P", "Si")], ids="-".join)
def test_intensities_agree(symbols):
    atoms = cluster(symbols)
    ours = scattering(atoms, Q, exact=True)
    theirs = scattering(atoms, Q, engine="debyecalculator")
    # the same table of form factors; its distances are binned by 0.005 angstrom
    alone = sum(np.mean(atoms.symbols == symbol) * form_factor(symbol, Q) ** 2 for symbol in symbols)
    assert np.max(np.abs(theirs - ours) / alone) < 1e-3
    assert np.max(np.abs(scattering(atoms, Q) - ours) / alone) < 1e-5


@pytest.mark.reference
@pytest.mark.usefixtures("peer")
def test_single_precision_is_close():
    atoms = cluster(("C", "Si"))
    double = debyecalculator_scattering(atoms, Q, STATIC)
    single = debyecalculator_scattering(atoms, Q, STATIC, single_precision=True)
    assert 0.0 < np.max(np.abs(single / double - 1.0)) < 1e-3


@pytest.mark.reference
def test_its_structure_function_is_half_of_ours(peer):
    """S - 1, F and G of the peer are half of those of Faber and Ziman."""
    atoms = cluster(("C", "Si"))
    engine = peer(qmin=0.5, qmax=24.025, qstep=0.05, rmin=1.0, rmax=10.0, rstep=0.05, qdamp=0.0)
    q, theirs = engine.fq(atoms)
    shares = {symbol: np.mean(atoms.symbols == symbol) for symbol in ("C", "Si")}
    mean = sum(share * form_factor(symbol, Q) for symbol, share in shares.items())
    mean_square = sum(share * form_factor(symbol, Q) ** 2 for symbol, share in shares.items())
    ours = Q * (scattering(atoms, Q, exact=True) - mean_square) / mean**2
    np.testing.assert_allclose(np.asarray(q, dtype=float), Q, atol=1e-6)
    np.testing.assert_allclose(2.0 * np.asarray(theirs, dtype=float), ours, atol=2e-3 * np.max(np.abs(ours)))


@pytest.mark.reference
def test_its_g_is_half_of_ours_for_moving_atoms(peer):
    """With thermal motion nothing is left beyond Qmax, so its truncated G is our untruncated one."""
    atoms = cluster(("Si",), 60)
    engine = peer(qmin=0.0, qmax=30.0, qstep=0.01, rmin=1.0, rmax=10.0, rstep=0.05, qdamp=0.0)
    engine.update_parameters(biso=0.8 * np.pi**2 * 0.12)
    r, theirs = engine.gr(atoms)
    # its damping is exp(-B Q^2 / (8 pi^2)) for a pair, so the variance of a distance is B / (4 pi^2)
    u = 0.8 * np.pi**2 * 0.12 / (8 * np.pi**2)
    ours = pair_distribution(atoms, np.asarray(r, dtype=float), Thermal(u_iso={"Si": u}))
    np.testing.assert_allclose(2.0 * np.asarray(theirs, dtype=float), ours, atol=2e-3 * np.max(np.abs(ours)))


@pytest.mark.parametrize(
    ("atoms", "q", "thermal", "message"),
    [
        (bulk("Si", cubic=True), Q, STATIC, "no periodic boxes"),
        (Atoms("Si"), Q, Thermal(u_iso={"Si": 0.01}), "atoms at rest"),
        (Atoms("Si"), np.geomspace(1.0, 10.0, 20), STATIC, "evenly spaced"),
        (Atoms("Si"), Q[::-1], STATIC, "rising"),
        (Atoms("Si"), np.array([1.0]), STATIC, "at least two"),
    ],
)
def test_cases_it_is_not_made_for_are_refused(atoms, q, thermal, message):
    with pytest.raises(UsageError, match=message):
        debyecalculator_scattering(atoms, q, thermal)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "debyecalculator", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match="pip install torch debyecalculator"):
        scattering(Atoms("Si2", positions=[[0, 0, 0], [0, 0, 2]]), Q, engine="debyecalculator")
