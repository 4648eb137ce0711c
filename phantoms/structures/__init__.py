"""The library of atomic structures and structure files."""
