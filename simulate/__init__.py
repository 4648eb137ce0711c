"""From phantom to counts: scattering, beam path, detector, scan, noise and faults."""
