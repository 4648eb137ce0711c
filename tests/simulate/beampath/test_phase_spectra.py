"""Spectra of materials: what one atom scatters and absorbs, against independent tables and sum rules."""

from dataclasses import replace

import numpy as np
import pytest
import xraylib

from tsct.phantoms.structures.library import structure
from tsct.records.errors import TsctWarning
from tsct.simulate.beampath.phase_spectra import spectra
from tsct.simulate.scattering.scattering import structure_scattering
from tsct.simulate.scattering.xray_tables import mean_compton, mean_f2

Q = np.linspace(0.6, 30.0, 500)


def cross_section(material, energy_kev: float, processes) -> float:
    """Mean cross section of an atom in barn from xraylib."""
    return sum(
        share * process(xraylib.SymbolToAtomicNumber(symbol), energy_kev)
        for symbol, share in material.composition.items()
        for process in processes
    )


@pytest.mark.parametrize("name", ["a-si", "glassy-carbon", "peek", "electrolyte", "lithium", "air"])
def test_attenuation_per_atom_is_the_cross_section(name):
    material = structure(name)
    found = spectra(material, Q[:20], 100.0)
    # 1 barn = 1e-8 square angstrom; density in 1/A^3 times a length in mm is 1e7 atoms per square angstrom
    total = cross_section(material, 100.0, [xraylib.CSb_Total]) * 1e-8 * 1e7
    scattering = cross_section(material, 100.0, [xraylib.CSb_Rayl, xraylib.CSb_Compt]) * 1e-8 * 1e7
    # atomic weights of two sources, interpolation in two tables
    assert found.attenuation == pytest.approx(total, rel=0.01)
    assert found.total_scattering == pytest.approx(scattering, rel=0.01)
    assert found.total_scattering < found.attenuation


def test_silicon_attenuates_as_stated_by_the_dossier_of_the_experiment():
    material = structure("a-si")
    # 0.420 1/cm at 2.29 g/cm3 and 100 keV
    per_cm = spectra(material, Q[:20], 100.0).attenuation * material.number_density_per_a3 * 10
    assert per_cm == pytest.approx(0.420 * material.density_g_cm3 / 2.29, rel=0.01)


@pytest.mark.parametrize("name", ["a-si", "carbon-black", "electrolyte"])
def test_atoms_scatter_on_their_own_at_high_q(name):
    material, q = structure(name), np.linspace(22.0, 34.0, 600)
    found = spectra(material, q, 100.0)
    alone = mean_f2(material.composition, q)
    # what is left of the bonds oscillates about zero; the sharpest one has 0.04 angstrom
    assert np.mean(found.coherent / alone) == pytest.approx(1.0, abs=0.02)
    np.testing.assert_array_equal(found.compton, mean_compton(material.composition, q))
    np.testing.assert_array_equal(found.coherent, structure_scattering(material, q))


@pytest.mark.parametrize("name", ["a-si", "carbon-black", "glassy-carbon", "peek", "electrolyte", "polyolefin", "air"])
def test_intensities_are_positive(name):
    found = spectra(structure(name), Q, 100.0)
    assert found.coherent.min() > 0.0 and found.compton.min() > 0.0


def test_only_boxes_with_silicon_lose_their_second_shell():
    silicon = spectra(structure("a-si"), Q, 100.0)
    assert np.max(np.abs(silicon.second_shell)) > 1.0
    # the loss is of order, not of atoms: it flattens the second shell, whose first wave has its maximum near 2 pi / 3.2
    assert silicon.second_shell[np.abs(Q - 3.6) < 0.2].max() < 0.0
    for name in ("carbon-black", "electrolyte", "lithium"):
        np.testing.assert_array_equal(spectra(structure(name), Q, 100.0).second_shell, 0.0)


def test_the_table_holds_everything_that_can_be_in_the_beam(cell, perfect, table):
    parts = {
        part.structure.name for state in range(2) for j in range(3) for part in cell.contents(state, j, 7.8, 60).parts
    }
    assert parts | {"air"} <= set(table)
    for entry in table.values():
        assert entry.coherent.shape == entry.compton.shape == entry.second_shell.shape == perfect.scan.q.shape


def test_a_crystal_cut_off_as_a_glass_is_said_to_scatter_less_than_nothing():
    alumina = structure("gamma-alumina")
    with pytest.warns(TsctWarning, match=r"gamma-alumina: scatters -.* at Q = 1\.8.*give crystallite_nm"):
        spectra(replace(alumina, crystallite_a=None), np.arange(0.6, 20.0, 0.025), 100.0)
    spectra(alumina, np.arange(0.6, 20.0, 0.025), 100.0)
