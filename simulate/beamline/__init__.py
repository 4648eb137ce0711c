"""The instrument: beamline, detector and its response, beam profile, motion, faults."""
