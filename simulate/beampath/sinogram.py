"""Line integrals of everything that scatters, frame by frame: the geometry of the scan, before any spectrum."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.phantoms import Contents, Part, Sample
from tsct.phantoms.structures import structure
from tsct.records.errors import TsctWarning
from tsct.simulate.beamline.beam_profile import beam_slices, over_beam
from tsct.simulate.beamline.beamline import Beamline
from tsct.simulate.beamline.motion import Motion

from .phase_spectra import Spectra
from .projector import project
from .self_absorption import outgoing_factors

#: pixels of the truth grid, and fine detector bins, per translation step
FINE = 4
#: pixels of the truth grid per pixel of the map in which the way out of the sample is followed
COARSE = 4
#: share of the sample outside the field below which nobody needs to be told
LOSS_THAT_MATTERS = 1e-4
#: angles that are averaged over a frame of a continuous rotation
TURNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What scatters along a line: a table and the share of its second-shell order that is lost."""

    spectra: Spectra
    second_shell_loss: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The line integrals of one tile.

    Attributes
    ----------
    paths : ndarray, shape (angle, translation, row)
        Density along the beam in mm per cubic angstrom, attenuated as if photons went straight on, averaged over the
        beam.
    moments : ndarray, shape (angle, translation, row)
        The same weighted with the distance downstream of the rotation axis, in mm squared per cubic angstrom.
    transmission : ndarray, shape (angle, translation)
        Of the straight beam.
    twice : ndarray, shape (angle, translation)
        Chance that a photon scatters twice and leaves.
    factors, basis : ndarray, shapes (angle, translation, node) and (node, q)
        Absorption on the true way out, relative to straight on; see
        :func:`tsct.simulate.beampath.self_absorption.outgoing_factors`.
    rows : tuple of Row
        What scatters, in the order of `paths`.
    """

    paths: NDArray[np.float64]
    moments: NDArray[np.float64]
    transmission: NDArray[np.float64]
    twice: NDArray[np.float64]
    factors: NDArray[np.float64]
    basis: NDArray[np.float64]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shadow:
    """The part of :class:`Lines` that one layer makes."""

    paths: NDArray[np.float64]
    moments: NDArray[np.float64]
    transmission: NDArray[np.float64]
    twice: NDArray[np.float64]
    rows: tuple[Row, ...]


def expected_lines(
    phantom: Sample, beamline: Beamline, table: Mapping[str, Spectra], frames: Motion, state: int, slice_index: int
) -> Lines:
    """Line integrals through the sample and the air around it.

    Parameters
    ----------
    phantom, beamline : Sample, Beamline
        Sample and measurement.
    table : mapping of str to Spectra
        See :func:`tsct.simulate.beampath.phase_spectra.spectra_table`.
    frames : Motion
        Where and when each frame is taken.
    state, slice_index : int
        The tile.
    """
    layers = [
        _shadow(contents, beamline, table, frames, weight)
        for contents, weight in _layers(phantom, beamline, frames, state, slice_index)
    ]
    paths = np.concatenate([layer.paths for layer in layers], axis=-1)
    moments = np.concatenate([layer.moments for layer in layers], axis=-1)
    transmission = np.sum([layer.transmission for layer in layers], axis=0)
    rows = tuple(row for layer in layers for row in layer.rows)
    air = structure("air").number_density_per_a3 * beamline.air_mm * transmission
    contents = _seen(phantom, beamline, state, slice_index)
    factors, basis = _outgoing(contents, beamline, table, frames)
    return Lines(
        paths=np.concatenate([paths, air[..., None]], axis=-1),
        moments=np.concatenate([moments, np.zeros_like(air)[..., None]], axis=-1),
        transmission=transmission,
        twice=np.sum([layer.twice for layer in layers], axis=0),
        factors=factors,
        basis=basis,
        rows=(*rows, Row(spectra=table["air"])),
    )


def field_loss(phantom: Sample, beamline: Beamline) -> float:
    """Share of the sample's atoms that lies outside the field of view at some angle."""
    contents = phantom.contents(0, 0, *_grid(phantom, beamline))
    atoms = contents.densities.sum(axis=0)
    extent, pixels = _grid(phantom, beamline)
    centre = extent * ((np.arange(pixels) + 0.5) / pixels - 0.5)
    outside = np.hypot(*np.meshgrid(centre, centre)) > beamline.scan.extent_mm / 2
    return float(atoms[outside].sum() / atoms.sum())


def warn_of_lost_mass(phantom: Sample, beamline: Beamline) -> None:
    """Warn if the sample does not fit in the field of view."""
    lost = field_loss(phantom, beamline)
    if lost > LOSS_THAT_MATTERS:
        warnings.warn(
            f"{100 * lost:.2g} % of the sample's atoms leave the field of view of "
            f"{beamline.scan.extent_mm:g} mm at some angle, so maps are truncated; raise scan.translations or "
            "scan.step_mm to see them",
            TsctWarning,
            stacklevel=3,
        )


def _grid(phantom: Sample, beamline: Beamline) -> tuple[float, int]:
    """Width of the truth grid, which holds sample and field of view, and its number of pixels."""
    pixel = beamline.scan.step_mm / FINE
    sample = phantom.extent_mm + 4 * beamline.scan.step_mm
    pixels = max(FINE * beamline.scan.translations, 2 * int(np.ceil(sample / pixel / 2)))
    return pixels * pixel, pixels


def _layers(
    phantom: Sample, beamline: Beamline, frames: Motion, state: int, slice_index: int
) -> list[tuple[Contents, NDArray[Any]]]:
    """What the frames see, with the weight of each in each frame; more than one where the sample changes or tilts."""
    faults = beamline.faults
    last = len(phantom.states.values) - 1
    done = faults.lithiation_during_scan * frames.progress * (state < last)
    states = [(state, 1.0 - done)]
    if np.any(done):
        states.append((state + 1, done))
    heights = _heights(beamline, frames, phantom.slice_height_mm)
    return [
        (_seen(phantom, beamline, now, slice_index, above), weight * share)
        for now, weight in states
        for above, share in heights
    ]


def _seen(phantom: Sample, beamline: Beamline, state: int, slice_index: int, above_mm: float = 0.0) -> Contents:
    """What the height of the beam takes in: the slice itself, or a Gaussian of that full width at half maximum."""
    grid, height = _grid(phantom, beamline), phantom.slice_height_mm
    if beamline.beam_shape == "top-hat":
        return phantom.contents(state, slice_index, *grid, above_mm=above_mm)
    offsets, weights, _ = beam_slices(beamline.beam_shape, height)
    thin = float(offsets[1] - offsets[0])
    cuts = (
        phantom.contents(state, slice_index, *grid, above_mm=above_mm + z, layers=1, height_mm=thin) for z in offsets
    )
    return _mixed(zip(cuts, weights, strict=True))


def _mixed(cuts: Iterable[tuple[Contents, float]]) -> Contents:
    """Weighted mean of several contents, of which each may lack some parts."""
    parts: dict[tuple[str, str], Part] = {}
    densities: dict[tuple[str, str], NDArray[Any]] = {}
    for contents, weight in cuts:
        for part, density in zip(contents.parts, contents.densities, strict=True):
            key = part.phase, part.structure.name
            parts.setdefault(key, part)
            densities[key] = densities.get(key, np.zeros_like(density)) + weight * density
    return Contents(parts=tuple(parts.values()), densities=np.stack(list(densities.values())))


def _heights(beamline: Beamline, frames: Motion, slice_height_mm: float) -> list[tuple[float, NDArray[Any]]]:
    """Heights above the slice that a tilted axis brings into the beam, with their weight in each frame."""
    rise = frames.rays_mm * np.tan(np.radians(beamline.faults.axis_tilt_deg))
    if not rise.any():
        return [(0.0, np.ones_like(rise))]
    # linear interpolation between heights closer than half of the slice
    nodes = np.linspace(rise.min(), rise.max(), 1 + int(np.ceil(np.ptp(rise) / (slice_height_mm / 2))))
    return [(float(node), np.interp(rise, nodes, row)) for node, row in zip(nodes, np.eye(len(nodes)), strict=True)]


def _shadow(
    contents: Contents, beamline: Beamline, table: Mapping[str, Spectra], frames: Motion, weight: NDArray[Any]
) -> _Shadow:
    """What one layer adds to the lines, times its weight in each frame."""
    pixels = contents.densities.shape[-1]
    pixel = beamline.scan.step_mm / FINE
    edges = pixel * (np.arange(pixels + 1) - pixels / 2)
    profile = beam_slices(beamline.beam_shape, beamline.beam_width_mm, _blur(beamline))
    lines, downstream = _project(contents, pixel, beamline, edges)
    tables = [table[part.structure.name] for part in contents.parts]
    through = np.exp(-(lines @ np.array([row.attenuation for row in tables])))
    scattered = lines @ np.array([row.total_scattering for row in tables])

    def seen(fine: NDArray[Any]) -> NDArray[Any]:
        return over_beam(fine, edges, frames.rays_mm, profile) * weight[..., None]

    paths, moments = seen(lines * through[..., None]), seen(downstream * through[..., None])
    # of the part of a beam that passes beside the grid nothing is lost
    beam = seen(np.stack([1.0 - through, 0.5 * scattered**2 * through], axis=-1))
    rows = tuple(
        Row(spectra=row, second_shell_loss=part.second_shell_loss)
        for row, part in zip(tables, contents.parts, strict=True)
    )
    twice = beamline.physics.multiple_scattering * beam[..., 1]
    return _Shadow(paths=paths, moments=moments, transmission=weight - beam[..., 0], twice=twice, rows=rows)


def _blur(beamline: Beamline) -> float:
    """Way of the beam across the sample during a frame, mm."""
    return beamline.scan.step_mm if beamline.scan.continuous and beamline.scan.fast_axis == "translation" else 0.0


def _turns(beamline: Beamline) -> NDArray[np.float64]:
    """Angles that a frame takes in around its own, degrees."""
    pattern = beamline.scan
    if not (pattern.continuous and pattern.fast_axis == "rotation"):
        return np.zeros(1)
    return pattern.angular_range_deg / pattern.views * ((np.arange(TURNS) + 0.5) / TURNS - 0.5)


def _project(
    contents: Contents, pixel: float, beamline: Beamline, edges: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Densities along the rays, and the same times the distance downstream, shape (angle, bin, part)."""
    turns = _turns(beamline)
    seen = [_project_at(contents, pixel, beamline, edges, beamline.scan.angles_deg + turn) for turn in turns]
    lines, downstream = (sum(parts[1:], parts[0]) / len(turns) for parts in zip(*seen, strict=True))
    return lines, downstream


def _project_at(
    contents: Contents, pixel: float, beamline: Beamline, edges: NDArray[Any], angles: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    if not beamline.physics.parallax:
        lines = project(contents.densities, pixel, angles, edges)
        return lines, np.zeros_like(lines)
    parts, pixels = len(contents.parts), contents.densities.shape[-1]
    centre = pixel * (np.arange(pixels) - (pixels - 1) / 2)
    stack = (contents.densities, contents.densities * centre, contents.densities * centre[:, None])
    lines = project(np.concatenate(stack), pixel, angles, edges)
    cos, sin = (f(np.radians(angles))[:, None, None] for f in (np.cos, np.sin))
    along_x, along_y = lines[..., parts : 2 * parts], lines[..., 2 * parts :]
    # the beam runs along (-sin, cos)
    downstream = beamline.physics.parallax * (cos * along_y - sin * along_x)
    return lines[..., :parts], downstream


def _outgoing(
    contents: Contents, beamline: Beamline, table: Mapping[str, Spectra], frames: Motion
) -> tuple[NDArray[Any], NDArray[Any]]:
    shape, share = frames.rays_mm.shape, beamline.physics.outgoing_absorption
    if not share:
        return np.ones((*shape, 1)), np.ones((1, len(beamline.scan.q)))
    pixels = contents.densities.shape[-1] // COARSE
    size = pixels * COARSE
    coarse = contents.densities[:, :size, :size].reshape(-1, pixels, COARSE, pixels, COARSE).mean(axis=(2, 4))
    mu, scattering = (
        np.einsum("pyx,p->yx", coarse, [getattr(table[part.structure.name], name) for part in contents.parts])
        for name in ("attenuation", "total_scattering")
    )
    factors, basis = outgoing_factors(mu, scattering, beamline.scan.step_mm / FINE * COARSE, beamline, frames.rays_mm)
    return 1.0 + share * (factors - 1.0), basis
