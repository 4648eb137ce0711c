"""Files: records, scans, frames, mappings of foreign layouts, and guarded reading of files of others."""
