"""All choices of an analysis, checked before work starts."""
