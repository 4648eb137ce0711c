"""The lesson's physics: one voxel of silicon and carbon, and a slice of them, from atoms to PDFs.

The page computes the same in JavaScript from the same tables; this is the reference that it must match.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tsct.analyze import fbp
from tsct.analyze.pdf import PdfOperator, compton_weight, form_factor, mean_compton, pdf_operator
from tsct.analyze.recipe import PdfRecipe, Window
from tsct.analyze.tomography import ParallelGeometry, fbp_weights
from tsct.phantoms import Phantom, shells, wragg2023
from tsct.phantoms.structures import lithiated_series, structure
from tsct.records.seeds import generator
from tsct.simulate.beamline import detector_response, id15a
from tsct.simulate.beampath import parallax_change, project
from tsct.simulate.scattering import (
    Q_MAX_TABLE,
    structure_compton,
    structure_pair_distribution,
    structure_reduced,
    structure_scattering,
)

Array = NDArray[np.float64]

SEED = 7
R_MAX, R_STEP = 8.0, 0.02
#: Q of the truth (1/angstrom), whatever the transform does: from here to the end of the tables of form factors, in
#: steps so small that its sums repeat in r beyond the layers of carbon
TRUTH_Q_MIN, TRUTH_Q_STEP = 0.8, 0.04
#: the lithiated series is followed up to this many Li per Si
MOST_LITHIUM = 0.6
#: different noise that can be drawn
DRAWS = 6
#: the slice: voxels along a side, width of the field (mm), views, pixels of the truth grid per voxel, which slice
VOXELS, EXTENT_MM, VIEWS, PIXELS, SLICE = 32, 7.8, 60, 6, 1
#: blocks of Q whose noise is followed apart in the maps
BLOCKS = 128
#: noise fields are stored in steps of this share of their standard deviation
FIELD_STEP = 1 / 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the sliders stand.

    Parameters
    ----------
    q_min, q_max, window, r_poly
        See :class:`tsct.analyze.recipe.recipe.PdfRecipe`.
    photons : float
        Incident photons in each frame of the tomogram.
    silicon_share : float
        Mass of silicon over that of silicon and carbon, zero to one.
    lithium : float
        Li per Si.
    parallax_mm : float
        Distance of the voxel downstream of the rotation axis.
    draw : int
        Which noise.
    """

    q_min: float = 0.8
    q_max: float = 20.0
    window: Window = "none"
    r_poly: float = 0.6
    photons: float = 1e12
    silicon_share: float = 0.5
    lithium: float = 0.0
    parallax_mm: float = 0.0
    draw: int = 0


@dataclass(frozen=True, kw_only=True)
class Library:
    """Tables from which everything in the lesson follows by linear algebra.

    Attributes
    ----------
    q, r : ndarray
        Grids, 1/angstrom and angstrom.
    spectra, moved : ndarray, shape (material, q)
        Scattering in electron units per atom, and its change per mm downstream of the axis. Materials are the members
        of the lithiated series and, last, carbon black.
    gr : ndarray, shape (material, r)
        G(r) without truncation, 1/angstrom^2.
    far_q : ndarray, shape (far,)
        Grid of Q far beyond the data, 1/angstrom.
    far_fq : ndarray, shape (material, far)
        F(Q) that belongs to `gr`, 1/angstrom.
    far_factors : ndarray, shape (element, far)
        Form factors of Si, C and Li there.
    lithium : ndarray, shape (member,)
        Li per Si of the series.
    shells : ndarray, shape (member, 3)
        Si neighbours of a Si atom, sum of their distances (angstrom), Li neighbours.
    densities : tuple of float
        Number densities of silicon and of carbon, 1/angstrom^3.
    mass_densities : tuple of float
        The same in g/cm^3.
    factors, compton : ndarray, shape (element, q)
        What the analysis looks up for Si, C and Li: form factors, and weighted Compton scattering.
    noise_per_root : ndarray, shape (q,)
        Standard deviation of one voxel's pattern per square root of (pattern over photons in a frame).
    normals : ndarray, shape (draw, 2, q)
        Standard normal numbers for the pristine and the present state.
    maps, true_maps : ndarray, shape (2, y, x)
        Silicon and carbon relative to the mean over the electrode, as reconstructed and as put in.
    fields : ndarray of int8, shape (block, y, x)
        Noise of the reconstruction in units of FIELD_STEP.
    """

    q: Array
    r: Array
    spectra: Array
    moved: Array
    gr: Array
    far_q: Array
    far_fq: Array
    far_factors: Array
    lithium: Array
    shells: Array
    densities: tuple[float, float]
    mass_densities: tuple[float, float]
    factors: Array
    compton: Array
    noise_per_root: Array
    normals: Array
    maps: Array
    true_maps: Array
    fields: NDArray[np.int8]

    @cached_property
    def compton_weight(self) -> Array:
        """Weight of Compton scattering in the patterns, shape (q,)."""
        return compton_weight(self.q, id15a().energy_kev)


def build_library() -> Library:
    """Scatter from the atoms of the structure library and tabulate all that the lesson needs."""
    beamline, phantom = id15a(), wragg2023()
    carbon = structure("carbon-black")
    series = [member for member in lithiated_series() if member.lithium_per_silicon <= MOST_LITHIUM]
    materials = (*series, carbon)
    q, r = beamline.scan.q, R_STEP * np.arange(1, round(R_MAX / R_STEP) + 1, dtype=np.float64)
    weight = compton_weight(q, beamline.energy_kev)
    spectra = np.stack([structure_scattering(m, q) + weight * structure_compton(m, q) for m in materials])
    seen = detector_response(beamline).coherent
    per_sr = seen / detector_response(beamline).solid_angle
    elements = ("Si", "C", "Li")
    steps = np.arange(int((Q_MAX_TABLE - TRUTH_Q_MIN) / TRUTH_Q_STEP) + 1, dtype=np.float64)
    far_q = TRUTH_Q_MIN + TRUTH_Q_STEP * steps
    geometry, maps, true_maps = _slice(phantom)
    return Library(
        q=q,
        r=r,
        spectra=spectra,
        moved=parallax_change(spectra * per_sr, beamline) / per_sr,
        gr=np.stack([structure_pair_distribution(m, r, TRUTH_Q_MIN) for m in materials]),
        far_q=far_q,
        far_fq=np.stack([structure_reduced(m, far_q) for m in materials]),
        far_factors=np.stack([form_factor(symbol, far_q) for symbol in elements]),
        lithium=np.array([member.lithium_per_silicon for member in series]),
        shells=np.array([shells(member) for member in series]),
        densities=(series[0].number_density_per_a3, carbon.number_density_per_a3),
        mass_densities=(series[0].density_g_cm3, carbon.density_g_cm3),
        factors=np.stack([form_factor(symbol, q) for symbol in elements]),
        compton=np.stack([weight * mean_compton({symbol: 1.0}, q) for symbol in elements]),
        noise_per_root=np.sqrt(_rays_per_voxel(geometry, phantom) / seen),
        normals=generator(SEED, "lesson", "pattern").standard_normal((DRAWS, 2, len(q))),
        maps=maps,
        true_maps=true_maps,
        fields=_noise_fields(geometry),
    )


def _slice(phantom: Phantom) -> tuple[ParallelGeometry, Array, Array]:
    """Silicon and carbon of one slice, projected from a finer grid and reconstructed, relative to their means."""
    step = EXTENT_MM / VOXELS
    contents = phantom.contents(0, SLICE, EXTENT_MM, PIXELS * VOXELS)
    phases = [part.phase for part in contents.parts]
    fine = np.stack([contents.densities[phases.index(name)] for name in ("silicon", "carbon_black")])
    angles = 180.0 * np.arange(VIEWS) / VIEWS
    centres = step * (np.arange(VOXELS) - (VOXELS - 1) / 2)
    geometry = ParallelGeometry.from_arrays(centres, angles)
    lines = project(fine, step / PIXELS, angles, step * (np.arange(VOXELS + 1) - VOXELS / 2))
    true = fine.reshape(2, VOXELS, PIXELS, VOXELS, PIXELS).mean(axis=(2, 4))
    mean = true.sum(axis=(1, 2)) / (true > 0.5 * true.max(axis=(1, 2), keepdims=True)).sum(axis=(1, 2))
    found = np.moveaxis(fbp(lines, geometry), -1, 0).astype(np.float64)
    return geometry, found / mean[:, None, None], true / mean[:, None, None]


def _rays_per_voxel(geometry: ParallelGeometry, phantom: Phantom) -> float:
    """Variance of a voxel over that of one frame that sees a mm of it: paths through the disc times squared weights."""
    middle = np.zeros((geometry.n, geometry.n), bool)
    middle[geometry.n // 2, geometry.n // 2] = True
    weights = fbp_weights(middle, geometry)
    radius = phantom.geometry.electrode_diameter_mm / 2
    chord = 2 * np.sqrt(np.clip(radius**2 - np.asarray(geometry.translations_mm) ** 2, 0, None))
    return float(np.sum(weights**2 * chord))


def _noise_fields(geometry: ParallelGeometry) -> NDArray[np.int8]:
    """Reconstructions of white noise, one per block of Q, scaled to a mean square of one."""
    white = generator(SEED, "lesson", "slice").standard_normal((VIEWS, VOXELS, BLOCKS))
    fields = np.moveaxis(fbp(white, geometry), -1, 0)
    fields /= np.sqrt(np.mean(fields**2, axis=(1, 2), keepdims=True))
    return np.clip(np.rint(fields / FIELD_STEP), -127, 127).astype(np.int8)


# ---------------------------------------------------------------------------------------------------------------------
# what the sliders do


def amounts(library: Library, settings: Settings, lithium: float) -> Array:
    """Atoms of every material per cubic angstrom of the voxel, shape (material,); silicon and carbon are conserved."""
    volume = np.array([settings.silicon_share, 1 - settings.silicon_share]) / library.mass_densities
    silicon, carbon = volume / volume.sum() * library.densities
    share = np.array([np.interp(lithium, library.lithium, row) for row in np.eye(len(library.lithium))])
    return np.append(silicon * share * (1 + library.lithium), carbon)


def composition(library: Library, settings: Settings) -> dict[str, float]:
    """What the analyst assumes: the pristine mixture."""
    atoms = amounts(library, settings, 0.0)
    carbon = float(atoms[-1] / atoms.sum())
    return {"Si": 1 - carbon, "C": carbon}


def operator(library: Library, settings: Settings) -> PdfOperator:
    """The transform that the sliders ask for."""
    recipe = PdfRecipe(
        composition=composition(library, settings),
        q_min=settings.q_min,
        q_max=settings.q_max,
        window=settings.window,
        r_poly=settings.r_poly,
        r_max=R_MAX,
        r_step=R_STEP,
    )
    return pdf_operator(library.q, recipe, compton=library.compton_weight)


def pattern(library: Library, settings: Settings, lithium: float, state: int) -> tuple[Array, Array]:
    """Measured J(Q) of one state and its standard deviation, electron units per cubic angstrom, shape (q,)."""
    scattering = library.spectra + settings.parallax_mm * library.moved
    expected = amounts(library, settings, lithium) @ scattering
    sigma = library.noise_per_root * np.sqrt(np.maximum(expected, 0) / settings.photons)
    return expected + sigma * library.normals[settings.draw, state], sigma


def curves(library: Library, settings: Settings) -> Mapping[str, Array]:
    """Everything that the page draws for one voxel.

    All is per atom of the pristine voxel, found and true alike. Silicon and carbon stay while lithium comes in, so a
    peak changes when its bonds do; divided by its own number of atoms, each state would show a change of every peak.

    Returns
    -------
    mapping of str to ndarray
        ``iq`` and ``free`` (q), the latter what the analysis takes for the scattering of free atoms; ``fq``
        (q_transformed); ``gr``, ``gr_sigma``, ``gr_true``, ``dgr``, ``dgr_sigma``, ``dgr_true`` (r).
    """
    linear = operator(library, settings)
    before, sigma_before = pattern(library, settings, 0.0, 0)
    now, sigma_now = pattern(library, settings, settings.lithium, 1)
    density, reference = float(linear.density(now)), float(linear.density(before))
    atoms = float(amounts(library, settings, 0.0).sum())
    variance, variance_before = linear.variance(sigma_now**2), linear.variance(sigma_before**2)
    shares = composition(library, settings)
    free = np.array([shares["Si"], shares["C"], 0.0]) @ (library.factors**2 + library.compton)
    true, true_before = (_true_parts(library, settings, x, library.r).sum(axis=0) for x in (settings.lithium, 0.0))
    return {
        "iq": now / reference,
        "free": free * density / reference,
        "fq": linear.fq(now) / reference,
        "gr": linear.apply(now) / reference,
        "gr_sigma": np.sqrt(variance) / reference,
        "gr_true": true / atoms,
        "dgr": linear.apply(now - before) / reference,
        "dgr_sigma": np.sqrt(variance + variance_before) / reference,
        "dgr_true": (true - true_before) / atoms,
    }


def _true_parts(library: Library, settings: Settings, lithium: float, r: Array) -> Array:
    """H(r) of silicon with its lithium and of carbon as measured to infinite Q, shape (2, r), at some of `library.r`.

    Weights n_p <f>_p^2 / <f>^2, with <f> of the pristine voxel, change with Q: those at the end of the tables are held
    for each material's own G(r), and what they change before is transformed with its F(Q); see
    :func:`tsct.validation.evidence.region_truth.untruncated_pdf`.
    """
    silicon, carbon, light = library.far_factors
    shares = composition(library, settings)
    x = library.lithium[:, None]
    own = np.concatenate([((silicon + x * light) / (1 + x)) ** 2, carbon[None] ** 2])
    weights = amounts(library, settings, lithium)[:, None] * own / (shares["Si"] * silicon + shares["C"] * carbon) ** 2
    at = np.rint(r / R_STEP).astype(int) - 1
    held = weights[:, -1:] * library.gr[:, at]
    left = (weights - weights[:, -1:]) * library.far_fq
    ends = np.where((library.far_q == library.far_q[0]) | (library.far_q == library.far_q[-1]), 0.5, 1.0)
    sines = 2 / np.pi * TRUTH_Q_STEP * ends[:, None] * np.sin(np.multiply.outer(library.far_q, r))
    every = held + left @ sines
    return np.stack([every[:-1].sum(axis=0), every[-1]])


def slice_maps(library: Library, settings: Settings, r: float, *, difference: bool = False) -> Mapping[str, Array]:
    """Maps of G or dG at one distance: ``found`` with noise, and ``true`` as a perfect tomogram would show it.

    Parameters
    ----------
    library, settings
        Tables and sliders; parallax is not applied.
    r : float
        Distance in angstrom; the nearest of the grid is taken.
    difference : bool
        Against the pristine state.

    Returns
    -------
    mapping of str to ndarray, shape (y, x)
        In 1/angstrom^2, over the mean number density of the pristine electrode.
    """
    linear, k = operator(library, settings), round(r / R_STEP) - 1
    row = linear.matrix[k]
    before = amounts(library, settings, 0.0)
    change = amounts(library, settings, settings.lithium) - (before if difference else 0.0)
    heights = library.spectra[:, linear.used] @ row / before.sum()
    parts = np.array([change[:-1] @ heights[:-1], change[-1] * heights[-1]])
    variance = row**2 * pattern(library, settings, settings.lithium, 1)[1][linear.used] ** 2
    if difference:
        variance = variance + row**2 * pattern(library, settings, 0.0, 0)[1][linear.used] ** 2
    noise = _map_noise(library, row, variance, linear.used) / before.sum()
    here = library.r[k : k + 1]
    true = _true_parts(library, settings, settings.lithium, here)[:, 0]
    true = (true - (_true_parts(library, settings, 0.0, here)[:, 0] if difference else 0.0)) / before.sum()
    return {
        "found": np.tensordot(parts, library.maps, 1) + noise,
        "true": np.tensordot(true, library.true_maps, 1),
    }


def _map_noise(library: Library, row: Array, variance: Array, used: slice) -> Array:
    """Noise of H at one distance: every block of Q has a field of its own, of the size that its channels give."""
    block = np.arange(len(library.q))[used] * BLOCKS // len(library.q)
    size = np.sqrt(np.bincount(block, variance, BLOCKS)) * np.sign(np.bincount(block, row, BLOCKS))
    return np.tensordot(size, library.fields * FIELD_STEP, 1)
