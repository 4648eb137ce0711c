"""From raw counts to corrected rays: repair, absorption, double scattering, stripes, normalisation."""
