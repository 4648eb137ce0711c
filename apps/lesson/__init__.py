"""The PDF lesson: one HTML page with sliders that needs nothing else."""
