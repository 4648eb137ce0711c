"""Where the numbers of a page come from: what was measured, how it was analysed, and what that took."""

from collections.abc import Callable, Mapping
from typing import Any

from tsct.validation.statistics.numbers import number

from .figures.plates import Sources


def provenance(sources: Sources, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the page's numbers come from: what was run, how, and what it took; only what is known."""
    known = dict(manifest) | sources.recovered.attrs | (sources.truth.attrs if sources.truth is not None else {})
    known |= {name: manifest[name] for name in ("experiment", "seed") if manifest.get(name) is not None}
    lines = [(label, say(known[name])) for name, label, say in PROVENANCE if known.get(name) is not None]
    return lines + _sides(sources)


def _sides(sources: Sources) -> list[tuple[str, str]]:
    """Operator, code and tables of the simulation and of the analysis, each beside the other."""
    labels = (
        ("forward_operator", "operator"),
        ("forward_operator_hash", "code (SHA-256)"),
        ("forward_tables", "tables"),
        ("compton_tables", "Compton table"),
    )
    sides = (("simulated", sources.truth), ("analysed", sources.recovered))
    return [
        (f"{side} with: {label}", str(record.attrs[name]))
        for name, label in labels
        for side, record in sides
        if record is not None and name in record.attrs
    ]


def _composition(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{symbol} {number(100 * share, 3)} %" for symbol, share in shares.items())


#: what the page says of a run: attribute, label, how it is written
PROVENANCE: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("experiment", "experiment", str),
    ("scenario", "scenario", str),
    ("seed", "root seed of all noise", str),
    ("energy_kev", "photon energy", lambda value: f"{number(value)} keV"),
    ("voxel_mm", "voxel", lambda value: f"{number(1e3 * value)} µm"),
    ("views", "views", str),
    ("filter", "reconstruction filter", str),
    ("roi_radius_voxels", "radius of the region of interest", lambda value: f"{number(value)} voxels"),
    ("roi_threshold", "region of interest: voxels with", str),
    ("q_min", "transform from", lambda value: f"{number(value)} Å⁻¹"),
    ("q_max", "transform to (Qmax)", lambda value: f"{number(value)} Å⁻¹"),
    ("q_max_inst", "data that steady it end at", lambda value: f"{number(value)} Å⁻¹"),
    ("r_poly", "polynomial acts below", lambda value: f"{number(value)} Å"),
    ("window", "window of the transform", str),
    ("mode", "normalisation", str),
    ("composition", "composition that the analysis assumed", _composition),
    ("finished", "finished", str),
    ("wall_s", "wall time", lambda value: f"{number(value, 3)} s"),
    ("peak_mb", "peak memory", lambda value: f"{number(value)} MB"),
    ("peak_mb_note", "memory counts", str),
    ("python", "Python", str),
    ("platform", "platform", str),
)
