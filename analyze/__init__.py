"""From counts to maps, PDFs and dPDFs with uncertainty. Never imports the phantom or the simulator."""
