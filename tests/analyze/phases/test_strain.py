"""Strains that are looked for: the scale of a pattern, and a search that no other optimum stops."""

import numpy as np
import pytest

from tsct.analyze.phases.strain import fit_strains, strained


def test_lengths_that_are_longer_by_a_share_move_every_feature_to_lower_q():
    q = np.arange(1.0, 12.0, 0.01)
    pattern = np.sin(7.0 * q) / q
    inner = q < 11.8
    np.testing.assert_allclose(strained(q, pattern, 0.01)[inner], (np.sin(7.07 * q) / (1.01 * q))[inner], atol=1e-6)
    # beyond the end the last value stays
    assert strained(q, pattern, 0.01)[-1] == pytest.approx(pattern[-1])


def test_the_best_of_many_optima_is_found():
    """Peaks of 0.4 channels around two strains, and broader ones that are not as high."""
    true, tried = np.array([0.0123, -0.0047]), []

    def explained(strains):
        tried.append(strains.copy())
        peaks = np.exp(-0.5 * ((strains - true) / 4e-4) ** 2)
        others = 0.6 * np.exp(-0.5 * ((strains + true) / 2e-3) ** 2)
        return float(np.sum(np.maximum(peaks, others)) / 2)

    found = fit_strains(explained, [0.02, 0.02], 1e-3)
    np.testing.assert_allclose(found, true, atol=2e-6)
    assert np.abs(tried).max() <= 0.02
    # the limits and steps of half a channel in between, and as many again in the second round
    first = np.unique(np.round([row[0] for row in tried if row[1] == 0.0], 9))
    np.testing.assert_allclose(np.diff(first[np.isin(first, np.round(np.linspace(-0.02, 0.02, 81), 9))]), 5e-4)


def test_a_phase_without_a_limit_keeps_its_lengths():
    found = fit_strains(lambda strains: -float((strains[1] - 0.003) ** 2), [0.0, 0.01], 1e-3)
    assert found[0] == 0.0 and found[1] == pytest.approx(0.003, abs=1e-5)
