"""What is in the patterns: shells, fits of reference and differences, breakpoints, maps of phases, unmixing."""
