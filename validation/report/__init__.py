"""The report: tables, figures and the pages of checks."""
