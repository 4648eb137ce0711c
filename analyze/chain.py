"""The method: from one tile of counts to images, PDFs and maps, and from all tiles to difference PDFs and onsets."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from tsct.analyze.pdf.transform import PdfOperator, pdf_operator
from tsct.analyze.pdf.xray_tables import parse_composition
from tsct.analyze.phases.pattern_maps import (
    COMPONENT_BINS,
    STRAINED_BINS,
    PhaseTemplates,
    binned_patterns,
    phase_maps,
    phase_templates,
)
from tsct.analyze.phases.phase_maps import MapOperator, map_operator, map_response, peak_operator
from tsct.analyze.phases.reference_fit import Reference, fit_reference_pattern
from tsct.analyze.phases.region_noise import gain_noise
from tsct.analyze.phases.unmixing import PhaseFit
from tsct.analyze.prepare.normalisation_error import errors_of_sums, shared_responses
from tsct.analyze.prepare.prepare import Sinogram, prepare_sinogram
from tsct.analyze.recipe import PdfRecipe, Recipe, Roi
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.rotation_axis import find_geometry
from tsct.analyze.tomography.voxel_images import VoxelImages
from tsct.records.errors import InputError, TsctWarning, UsageError

from .absorption_errors import AbsorptionErrors, absorption_errors
from .ray_images import voxel_images
from .region import decide_region, inside_object, outline_recipe, reference_tile
from .scan_record import collect
from .tile_record import (
    absorption_variables,
    axis_variables,
    explained_variables,
    image_variables,
    ray_variables,
    region_variables,
    shared_error_variables,
    tile_record,
    volume_variables,
    voxel_variables,
    with_amounts,
)
from .volume import pdfs_of_rays

#: share of its largest amount below which a phase is not in the region
PRESENT = 0.05
#: voxels around a phase that is elsewhere which belong to it: what is thinner than a voxel is spread and rings so far
SPREAD = 6
#: relative error of an amount that absorption may leave before it is warned of, and one by which others hide a phase
MUCH, PART_OF_AMOUNT = 0.05, 1 / 3


def chain(scan: xr.Dataset, recipe: Recipe | None = None) -> xr.Dataset:
    """Analyse a scan of several tiles.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (state, slice, angle, translation, q); a missing leading dim counts as one state or slice.
    recipe : Recipe, optional
        All choices; the defaults with the scan's own ``sample_composition`` if omitted.

    Returns
    -------
    xarray.Dataset
        Maps of every tile and the series of the middle slice; see :func:`~tsct.analyze.scan_record.collect`.

    Raises
    ------
    InputError
        If the scan lacks a quantity, or names no composition where no recipe is given.
    """
    recipe = recipe or default_recipe(scan)
    stack = scan.expand_dims([dim for dim in ("state", "slice") if dim not in scan.dims])
    indices = product(range(stack.sizes["state"]), range(stack.sizes["slice"]))
    tiles = {(state, slice_): stack.isel(state=state, slice=slice_) for state, slice_ in indices}
    same_region = with_region(recipe, tiles[reference_tile(tiles)])
    return collect([analyze_tile(tile, same_region, volumes=False) for tile in tiles.values()], recipe)


def analyze_tile(scan: xr.Dataset | Sinogram, recipe: Recipe, *, volumes: bool = True, threads: int = 1) -> xr.Dataset:
    """Analyse one (state, slice).

    With a linear method of reconstruction, such as the default, each result is a linear functional of the counts, and
    so is its variance of their variance. With filtered back-projection and without `volumes`, maps are therefore
    reconstructed from those sums over channels that they need, and no image of all channels is in memory.

    Parameters
    ----------
    scan : xarray.Dataset or Sinogram
        Dims (angle, translation, q); or what :func:`~tsct.analyze.prepare.prepare.prepare_sinogram` makes of it.
    recipe : Recipe
        All choices.
    volumes : bool
        Whether the patterns and PDFs of all voxels are wanted.
    threads : int
        Blocks of channels are shared among so many.

    Returns
    -------
    xarray.Dataset
        Maps (y, x) each with ``_errors``; ``roi_iq`` (q) with its Poisson variance; with `volumes` ``iq`` (y, x, q)
        in electron units per cubic angstrom and ``hr`` (y, x, r), the density times G(r).

    Raises
    ------
    UsageError
        If the region depends on a map or on the object and is not decided.
    """
    if not recipe.roi.is_decided:
        raise UsageError("analysis.roi: decide the region first, recipe = with_region(recipe, reference_scan)")
    sinogram = scan if isinstance(scan, Sinogram) else prepare_sinogram(scan, recipe)
    del scan  # of counts that were repaired, the first ones are needed no more
    totals = sinogram.total, sinogram.total_variance
    geometry, axis_error_mm = find_geometry(*totals, sinogram.translations_mm, sinogram.angles_deg)
    inside = recipe.roi.mask(geometry.n)
    images = voxel_images(sinogram, geometry, inside, recipe, threads=threads)
    fitted = _fit_region(sinogram, images, recipe)
    voxels, absorption = None, None
    if fitted.templates:
        voxels = fitted.templates.fit_voxels(images)
        absorption = absorption_errors(sinogram, geometry, fitted.templates, images.region, voxels.amounts)
    of_voxels = voxels, absorption
    errors = _shared_errors(sinogram, (geometry, axis_error_mm), images, inside, fitted, of_voxels, recipe)
    operator = fitted.operator
    variables = {
        **region_variables(images, inside, sinogram, geometry, recipe),
        **explained_variables(fitted.explained),
        **absorption_variables(absorption, inside),
        **ray_variables(sinogram),
        **axis_variables(geometry, axis_error_mm),
        **shared_error_variables(errors.anode),
        **image_variables(images, _map_operators(images, fitted, recipe), operator),
    }
    record = tile_record(variables, sinogram, geometry, operator, recipe)
    record = record.merge(_pattern_maps(images, fitted, voxels, recipe))
    record = with_amounts(record, recipe, errors.phases, errors.strains, absorption)
    record = record.assign(voxel_variables(images, record, operator, len(recipe.phase_names)))
    if not volumes:
        return record
    of_rays = recipe.pdf_of == "rays"
    pdfs = pdfs_of_rays(sinogram, operator, geometry, recipe, threads=threads) if of_rays else None
    return record.assign(volume_variables(images, pdfs, operator))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """What maps of phases are made by: the transform, the anode's reference and the given phases, if there are any.

    The latter with what they explain of the region's pattern, shape (q,).
    """

    operator: PdfOperator
    reference: Reference | None
    templates: PhaseTemplates | None
    explained: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedErrors:
    """Errors that all voxels share.

    Attributes
    ----------
    anode : ndarray
        Relative, of number density and, with the model of the anode, of silicon and carbon in the region.
    phases : mapping of str to float
        Relative, of the amounts of given phases in the region, or if a phase is not there, where most of it is.
    strains : mapping of str to (float, float)
        Strains of given phases with their errors.
    """

    anode: NDArray[np.float64]
    phases: Mapping[str, float]
    strains: Mapping[str, tuple[float, float]]


def _fit_region(sinogram: Sinogram, images: VoxelImages, recipe: Recipe) -> Fitted:
    """What the pattern of the region says of the anode and of given phases."""
    compton = sinogram.channels.compton_weight
    operator = pdf_operator(sinogram.channels.q, recipe.pdf, compton=compton)
    reference, templates = None, None
    if recipe.has_anode:
        reference = fit_reference_pattern(operator, images.region, recipe.pdf.composition.get("O", 0.0))
    if recipe.phases:
        templates = phase_templates(operator, recipe, images.region, images.typical_variance, compton)
    explained = templates.explain(images.region) if templates else None
    return Fitted(operator=operator, reference=reference, templates=templates, explained=explained)


def _pattern_maps(images: VoxelImages, fitted: Fitted, voxels: PhaseFit | None, recipe: Recipe) -> xr.Dataset:
    """Maps of given phases, and the patterns in which unknown ones are looked for, where the recipe asks for them."""
    record = xr.Dataset()
    if fitted.templates and voxels:
        record = phase_maps(voxels, fitted.templates.errors_of_voxels(images), fitted.templates)
    if recipe.components:
        bins = STRAINED_BINS if recipe.components_strained else COMPONENT_BINS
        record = record.merge(binned_patterns(images, fitted.operator, bins))
    return record


def _map_operators(images: VoxelImages, fitted: Fitted, recipe: Recipe) -> list[MapOperator]:
    """Of the maps of the anode, if it has a reference, and of the peaks of the recipe."""
    peaks = peak_operator(fitted.operator, recipe.peaks)
    if fitted.reference is None:
        return [peaks]
    return [map_operator(fitted.operator, fitted.reference, images.typical_variance), peaks]


def _shared_errors(
    sinogram: Sinogram,
    axis: tuple[ParallelGeometry, float],
    images: VoxelImages,
    inside: NDArray[np.bool_],
    fitted: Fitted,
    of_voxels: tuple[PhaseFit | None, AbsorptionErrors | None],
    recipe: Recipe,
) -> SharedErrors:
    voxels, absorption = of_voxels
    operator, responses, misfit, strains = fitted.operator, [], np.zeros(0), {}
    explained = 0.0 if fitted.explained is None else fitted.explained
    if fitted.reference is not None:
        oxygen_share = recipe.pdf.composition.get("O", 0.0)
        typical = images.typical_variance
        responses.append(map_response(operator, fitted.reference, typical, images.region, oxygen_share))
    anode = 1 + sum(map(len, responses))
    if fitted.templates is not None:
        response = fitted.templates.response(images.region)
        responses.append(response.by_pattern)
        misfit = response.misfit
        pairs = zip(fitted.templates.strains.tolist(), response.strain_errors.tolist(), strict=True)
        strains = dict(zip((phase.name for phase in recipe.phases), pairs, strict=True))
    gains = gain_noise(images.region[None], images.region_variance[None], recipe, explained)
    errors = _errors_of(shared_responses(operator, responses), sinogram, axis, inside, gains)
    of_phases, left = np.hypot(errors[anode:], misfit), np.zeros(len(misfit))
    if absorption is not None:
        left = absorption.of_mean(inside)
    if fitted.templates is not None and voxels is not None:
        maps, there = voxels.amounts, fitted.templates.fit(images.region).amounts
        largest = maps.max(axis=(0, 1))
        for k in np.flatnonzero((there < PRESENT * largest) & (largest > 0)):
            where = binary_dilation(maps[..., k] > largest[k] / 2, np.ones((3, 3)), iterations=SPREAD)
            of_phases[k] = _errors_elsewhere(sinogram, axis, images, where, fitted.templates, recipe)[k]
            left[k] = 0.0 if absorption is None else absorption.of_mean(where)[k]
    _warn_of_absorption(sinogram, recipe, of_phases, left)
    of_phases = np.hypot(of_phases, left)
    phases = dict(zip((phase.name for phase in recipe.phases), of_phases.tolist(), strict=True))
    return SharedErrors(anode=errors[:anode], phases=phases, strains=strains)


def _errors_of(
    responses: NDArray[np.float64],
    sinogram: Sinogram,
    axis: tuple[ParallelGeometry, float],
    where: NDArray[np.bool_],
    gains: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Relative errors that all voxels share, of quantities of some voxels, by their responses to the pattern there."""
    geometry, axis_error_mm = axis
    return errors_of_sums(
        *(*sinogram.rays.project(responses, responses**2), geometry, where, responses),
        gains=gains,
        noise=sinogram.reading_noise,
        axis_error_mm=axis_error_mm,
        gains_left=sinogram.gains_left,
    )


def _errors_elsewhere(
    sinogram: Sinogram,
    axis: tuple[ParallelGeometry, float],
    images: VoxelImages,
    where: NDArray[np.bool_],
    templates: PhaseTemplates,
    recipe: Recipe,
) -> NDArray[np.float64]:
    """Relative errors that all voxels share, of the amounts of given phases in some voxels, shape (phase,)."""
    pattern, variance = images.mean(where)
    response = templates.response(pattern)
    gains = gain_noise(pattern[None], variance[None] / where.sum(), recipe, templates.explain(pattern))
    return np.hypot(_errors_of(response.by_pattern, sinogram, axis, where, gains), response.misfit)


def _warn_of_absorption(sinogram: Sinogram, recipe: Recipe, errors: NDArray[Any], left: NDArray[Any]) -> None:
    """Name the phases of which absorption may leave much, beside phases that other errors do not hide."""
    much = (left > MUCH) & (errors < PART_OF_AMOUNT)
    if sinogram.depth is None or not much.any():
        return
    names = [phase.name for phase in recipe.phases]
    words = ", ".join(f"{names[k]} +- {100 * left[k]:.0f} %" for k in np.flatnonzero(much))
    warnings.warn(
        f"absorption is not corrected well enough: {words}, as rays transmit {np.exp(-sinogram.depth.max()):.2g} at "
        "least and depths change across the beam; take a thinner sample, a narrower beam or a higher energy",
        TsctWarning,
        stacklevel=4,
    )


def with_region(recipe: Recipe, scan: xr.Dataset, *, threads: int = 1) -> Recipe:
    """Decide which voxels belong to a region of interest that depends on the object or on a map.

    The map is that of an analysis whose region is all of the circle or polygon. One scan decides for a whole series: a
    region that followed the map from state to state would choose voxels by their noise, and by the change in question.

    Parameters
    ----------
    recipe : Recipe
        All choices; returned as it is if its region depends on neither.
    scan : xarray.Dataset
        Dims (angle, translation, q); that of the :func:`~tsct.analyze.region.reference_tile`.

    Returns
    -------
    Recipe
        The same with the region as a set of voxels.

    Raises
    ------
    InputError
        If no voxel exceeds the level, or there is no object.
    """
    if recipe.roi.from_object:
        recipe = replace(recipe, roi=recipe.roi.inside(inside_object(prepare_sinogram(scan, recipe))))
    if not recipe.roi.map:
        return recipe
    return decide_region(recipe, analyze_tile(scan, outline_recipe(recipe), volumes=False, threads=threads))


def default_recipe(scan: xr.Dataset) -> Recipe:
    """The default choices, with the composition that the scan's attributes state.

    Without silicon in it, nothing of the silicon anode applies: no model, and the region lies well inside the object.
    """
    formula = scan.attrs.get("sample_composition")
    if not formula:
        raise InputError("scan: no attribute 'sample_composition'; add one, such as 'Si0.5 C0.5', or give a recipe")
    return for_its_composition(Recipe(pdf=PdfRecipe(composition=parse_composition(formula))))


def for_its_composition(recipe: Recipe) -> Recipe:
    """The recipe, without the model and the region of the silicon anode where no silicon is."""
    if "Si" in recipe.pdf.composition:
        return recipe
    return replace(recipe, model="none", squared_amplitudes=False, roi=Roi(from_object=True))
