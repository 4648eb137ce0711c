"""The library of atomic structures on the command line: build, show, check."""
