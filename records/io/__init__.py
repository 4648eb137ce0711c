"""Files: records, scans, frames, mappings of foreign layouts, and guarded reading of files of others."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
