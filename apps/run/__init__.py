"""A run: the experiment as a file, its tiles, workers, ledger and outputs."""
