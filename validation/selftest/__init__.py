"""The judge judged: planted defects, error rates, coverage of error bars."""
