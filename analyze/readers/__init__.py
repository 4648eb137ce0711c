"""Scans, frames and patterns of others, and files for other programs."""
