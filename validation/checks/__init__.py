"""The checks: one file a subject, each with its CHECKS."""
