"""Scattering from atoms: pair distances, partial structure factors, Debye sums, form factors."""
