"""The doors people use: the command line and the run it drives."""
