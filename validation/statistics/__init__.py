"""Windows, error propagation and measures of images."""
