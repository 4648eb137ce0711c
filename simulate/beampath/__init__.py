"""Along the beam: spectra of phases, projections, absorption on the way out, expected counts."""
