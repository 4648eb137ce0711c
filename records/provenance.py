"""Which code made some data, so that it can be told whether the same code analysed them."""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def source_hash(*modules: str) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the source of modules, in the order given.

    Raises
    ------
    ModuleNotFoundError
        If there is no such module with a source file.
    """
    digest = hashlib.sha256()
    for module in modules:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(module)
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()[:12]
