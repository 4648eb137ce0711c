"""The explorer: linked maps and curves of a run beside its truth."""
