"""The truth beside a scan: the gains that were applied, and what every phase is on its own."""

from dataclasses import replace

import numpy as np
import pytest

from tsct import phantoms, simulate
from tsct.records.schema import PHASES, TRUTH, check, unknown
from tsct.simulate import no_faults
from tsct.simulate.scan import gains
from tsct.simulate.scattering.xray_tables import mean_f, mean_f2
from tsct.simulate.truth import phase_truth

R = np.arange(0.01, 20.0, 0.01)


@pytest.fixture(scope="module")
def phases(cell, perfect, table):
    return phase_truth(cell, table, perfect.scan.q, R, 0.6)


def test_the_axis_and_the_gains_are_those_of_the_scan(cell, perfect):
    line = replace(perfect, faults=replace(no_faults(), axis_offset_mm=0.05, channel_gain=0.01, channel_drift=0.002))
    record = simulate.truth(cell, line, seed=9)
    assert record.attrs["axis_mm"] == 0.05 and record.attrs["seed"] == 9
    for state in range(2):
        translation, channel = gains(line, 9, state)
        np.testing.assert_array_equal(record["channel_gain"].isel(state=state), channel)
        np.testing.assert_array_equal(record["translation_gain"], translation)
    drift = record["channel_gain"].values
    # the kept part cancels in the ratio of two states
    assert np.std(drift[1] / drift[0]) == pytest.approx(0.002 * np.sqrt(2), rel=0.3)


def test_truth_and_phases_follow_their_schemas(cell, perfect, phases):
    for record, schema in ((simulate.truth(cell, perfect, seed=1), TRUTH), (phases, PHASES)):
        check(record, schema, schema.name)
        assert not list(unknown(record, schema))


def test_maps_hold_the_mass_of_the_phantom(cell, perfect):
    """Whatever the size of the voxels, the silicon in a slice is the same."""
    silicon = []
    for step in (0.130, 0.195):
        pattern = replace(perfect.scan, step_mm=step, translations=round(7.8 / step))
        record = simulate.truth(cell, replace(perfect, scan=pattern), seed=1)
        silicon.append(float(record["silicon"].isel(slice=1).sum()) * step**2)
    # grains of 0.13 mm are cut differently
    assert silicon[1] == pytest.approx(silicon[0], rel=1e-3)


def test_every_phase_is_there_once(cell, phases):
    names = phases["structure_name"].values.tolist()
    assert len(set(names)) == len(names)
    assert {member.name for member in (*cell.silicon, *cell.materials.values())} == set(names)
    np.testing.assert_allclose(phases["composition"].sum("element"), 1.0, rtol=1e-12)


def test_every_phase_carries_its_record(cell, phases):
    for n, name in enumerate(phases["structure_name"].values):
        entry = next(m for m in (*cell.silicon, *cell.materials.values()) if m.name == name)
        for key in ("title", "recipe", "energy_model", "sources", "limits"):
            assert phases[f"structure_{key}"].values[n] == getattr(entry, key)


def test_spectra_are_those_that_were_scanned(table, phases):
    for n, name in enumerate(phases["structure_name"].values):
        np.testing.assert_array_equal(phases["coherent"][n], table[name].coherent)
        np.testing.assert_array_equal(phases["compton"][n], table[name].compton)


def test_g_of_silicon_has_its_bonds_and_its_density(phases):
    silicon = phases.isel(structure=phases["structure_name"].values.tolist().index("a-si"))
    g, density = silicon["gr"].values, float(silicon["density"])
    low = (R > 0.5) & (R < 1.5)
    # a measurement from 0.6 1/angstrom on lacks 2 / pi times the integral of Q^2 (S - 1), and S is 0.06 there
    slope = -4 * np.pi * density + 2 / np.pi * (1 - 0.06) * 0.6**3 / 3
    np.testing.assert_allclose(g[low] / R[low], slope, rtol=0.01)
    shell = (R > 1.9) & (R < 2.85)
    running = R[shell] * (g[shell] - slope * R[shell])
    assert np.trapezoid(running, R[shell]) == pytest.approx(4.0, abs=0.1)
    assert R[np.argmax(g)] == pytest.approx(2.36, abs=0.03)


def test_g_of_graphene_layers_has_their_distances(phases):
    carbon = phases["gr"].values[phases["structure_name"].values.tolist().index("carbon-black")]
    # 1.420 angstrom, and sqrt(3) times that
    for expected, near in ((1.42, 0.25), (2.46, 0.25)):
        inside = np.abs(R - expected) < near
        assert R[inside][np.argmax(carbon[inside])] == pytest.approx(expected, abs=0.02)


def test_g_is_the_sine_transform_of_the_spectrum(perfect, phases):
    """Truncating the untruncated G at Qmax is what the transform of the spectrum up to Qmax gives."""
    q_max, names = 20.0, phases["structure_name"].values.tolist()
    q = perfect.scan.q
    at = np.flatnonzero((R > 1.0) & (R < 6.0))[::10]
    for name in ("a-si", "carbon-black"):
        n = names.index(name)
        shares = {
            str(s): float(x)
            for s, x in zip(phases["element"].values, phases["composition"].values[n], strict=True)
            if x
        }
        reduced = q * (phases["coherent"].values[n] - mean_f2(shares, q)) / mean_f(shares, q) ** 2
        # trapezoid in Q of step 0.2: good for r < 2 pi / 0.2 / 2, wings of G beyond fold back
        direct = 2 / np.pi * np.trapezoid(reduced * np.sin(np.outer(R[at], q)), q, axis=1)
        g, r = phases["gr"].values[n], R
        kernel = (
            (np.sinc((r - R[at][:, None]) * q_max / np.pi) - np.sinc((r + R[at][:, None]) * q_max / np.pi))
            * q_max
            / np.pi
        )
        folded = np.trapezoid(kernel * g, r, axis=1)
        assert np.sqrt(np.mean((direct - folded) ** 2)) < 0.03 * np.ptp(direct), name


def test_f_of_a_phase_is_that_of_its_g(phases):
    """Silicon has died out at the end of the tables, so the transform to there is G; sheets of carbon have not."""
    silicon = phases.isel(structure=phases["structure_name"].values.tolist().index("a-si"))
    q, at = phases["q_far"].values, np.flatnonzero((R > 0.5) & (R < 8.0))[::10]
    g = 2 / np.pi * np.trapezoid(silicon["fq"].values * np.sin(np.outer(R[at], q)), q, axis=1)
    np.testing.assert_allclose(g, silicon["gr"].values[at], atol=2e-3)
    assert q[0] == 0.6 and q[-1] > 75.0


def test_truth_of_a_null_experiment_does_not_change(perfect):
    record = simulate.truth(phantoms.wragg2023(phantoms.discharge("null", (0.5, 0.2))), perfect, seed=0)
    for name in ("lithium_per_silicon", "silicon_distance", "second_shell_loss"):
        assert np.ptp(record[name].values) == 0.0
