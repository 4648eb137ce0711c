"""From scattering power to pair distribution functions, for all voxels in one matrix product.

Definitions (Faber-Ziman, X-rays): S - 1 = (I_coh/n - <f^2>) / <f>^2, F = Q (S - 1),
G(r) = (2/pi) int F(Q) M(Q) sin(Qr) dQ. Everything here is linear in the intensity, so the same matrix serves voxels,
regions and their covariance.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from tsct.analyze.recipe.pdf_recipe import Normalisation, PdfRecipe, Window
from tsct.records.errors import InputError
from tsct.records.schema import check_uniform

from .peaks import between
from .xray_tables import mean_compton, mean_f, mean_f2

#: patterns that are transformed at once
ROWS = 2048
#: share of the largest singular value below which a pattern does not show in G(r)
INDEPENDENT = 1e-11


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfOperator:
    """The linear map from scattering power J(Q), in electron units per cubic angstrom, to its PDF.

    Attributes
    ----------
    q, r : ndarray
        Grids of the input (the whole pattern) and of the output.
    used : slice
        The part of the Q grid that enters, from q_min to the end of the data.
    transformed : slice
        The part of it that is transformed, from q_min to q_max.
    reduced : ndarray, shape (q_transformed, q_used)
        J to Q (J - self - Compton - polynomial) / <f>^2 (ad hoc: without Compton), that is F(Q) times
        the number density.
    matrix : ndarray, shape (r, q_used)
        J to the density-weighted G(r), n G(r), with one fixed <f>^2: additive over voxels, phases and states.
    density_weights : ndarray, shape (q_used,)
        J to the number density n (atoms per cubic angstrom) that explains its high-Q part.
    free_fq, free_gr : ndarray, shape (q_transformed,) and (r,)
        F(Q) and G(r) of what is subtracted for each atom, structure aside: `reduced` and `matrix` hold it at
        `density_weights`.
    q_broad : float
        What models of peaks are broadened by; see :class:`tsct.analyze.recipe.recipe.PdfRecipe`.
    """

    q: NDArray[np.float64]
    r: NDArray[np.float64]
    used: slice
    transformed: slice
    reduced: NDArray[np.float64]
    matrix: NDArray[np.float64]
    density_weights: NDArray[np.float64]
    free_fq: NDArray[np.float64]
    free_gr: NDArray[np.float64]
    q_broad: float = 0.0

    def independent_parts(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The map in two steps by way of about ``q_max r_max / pi`` numbers, all that G(r) of a pattern depends on.

        Returns
        -------
        to_numbers : ndarray, shape (number, q)
            From a pattern to these numbers; orthonormal rows.
        to_distances : ndarray, shape (r, number)
            From them to the density-weighted G(r).
        """
        left, sizes, right = np.linalg.svd(self.matrix, full_matrices=False)
        kept = sizes > INDEPENDENT * sizes[0]
        to_numbers = np.zeros((int(np.count_nonzero(kept)), len(self.q)))
        to_numbers[:, self.used] = right[kept]
        return to_numbers, left[:, kept] * sizes[kept]

    def apply(self, intensity: NDArray[Any]) -> NDArray[Any]:
        """Density-weighted G(r), shape (..., r), of patterns with shape (..., q); float32 stays float32."""
        return self._times(intensity, self.matrix)

    def fq(self, intensity: NDArray[Any]) -> NDArray[Any]:
        """F(Q) times the number density, shape (..., q_transformed), of patterns with shape (..., q)."""
        return self._times(intensity, self.reduced)

    def density(self, intensity: NDArray[Any]) -> NDArray[Any]:
        """Number density in atoms per cubic angstrom, shape (...), of patterns with shape (..., q)."""
        return intensity[..., self.used] @ self.density_weights

    def variance(self, variance: NDArray[Any]) -> NDArray[Any]:
        """Variance of n G(r), shape (..., r), for independent channels with shape (..., q)."""
        return self._times(variance, self.matrix**2)

    def fq_variance(self, variance: NDArray[Any]) -> NDArray[Any]:
        """Variance of :meth:`fq`, shape (..., q_transformed), for independent channels with shape (..., q)."""
        return self._times(variance, self.reduced**2)

    def within(self, limits: tuple[float, float]) -> Self:
        """The same map to the part of the r grid between two limits, ends included."""
        inside = between(self.r, limits)
        return replace(self, r=self.r[inside], matrix=self.matrix[inside], free_gr=self.free_gr[inside])

    def covariance(self, variance: NDArray[Any]) -> NDArray[np.float64]:
        """Full covariance of n G(r), shape (r, r), for one pattern with independent channels."""
        return (self.matrix * variance[self.used]) @ self.matrix.T

    def _times(self, values: NDArray[Any], matrix: NDArray[Any]) -> NDArray[Any]:
        # tall matrices, because a stack of small products is several times slower; a single one would copy all patterns
        rows, columns = values.reshape(-1, values.shape[-1])[:, self.used], matrix.T.astype(values.dtype, copy=False)
        result = np.empty((len(rows), columns.shape[1]), dtype=np.result_type(rows, columns))
        for first in range(0, len(rows), ROWS):
            block = slice(first, first + ROWS)
            np.matmul(rows[block], columns, out=result[block])
        return result.reshape(*values.shape[:-1], matrix.shape[0])


def window(q: NDArray[np.float64], q_max: float, name: Window) -> NDArray[np.float64]:
    """Modification function M(Q).

    ``lorch`` is sin(x)/x, x = pi Q / q_max (Lorch, J. Phys. C 2, 229 (1969)); ``revised-lorch`` is
    3 (sin x - x cos x) / x^3 (Soper & Barney, J. Appl. Cryst. 44, 714 (2011), eq. 25) with the same x.
    """
    x = np.maximum(np.pi * q / q_max, 1e-9)
    if name == "lorch":
        return np.sin(x) / x
    if name == "revised-lorch":
        return np.where(x < 1e-3, 1.0, 3 * (np.sin(x) - x * np.cos(x)) / x**3)
    return np.ones_like(q)


def fourier_matrix(q: NDArray[np.float64], r: NDArray[np.float64], modification: NDArray[Any]) -> NDArray[np.float64]:
    """Matrix (r, q) of G(r) = (2/pi) int F M sin(Qr) dQ on a uniform Q grid, by the trapezoid rule."""
    step = q[1] - q[0]
    weights = np.full(len(q), step)
    weights[[0, -1]] = step / 2
    return 2 / np.pi * np.sin(np.outer(r, q)) * (weights * modification)


def pdf_operator(
    q: NDArray[np.float64],
    recipe: PdfRecipe,
    *,
    compton: NDArray[np.float64] | None = None,
) -> PdfOperator:
    """Build the linear map from scattering power to density-weighted G(r), n G(r).

    Parameters
    ----------
    q : ndarray, shape (q,)
        Uniform grid of the patterns, 1/angstrom.
    recipe : PdfRecipe
        Composition, range, window and mode.
    compton : ndarray, shape (q,), optional
        Weight of Compton scattering in the patterns (see :func:`tsct.analyze.pdf.xray_tables.compton_weight`); one if
        omitted.

    Raises
    ------
    InputError
        If the grid is not uniform or the range exceeds the data.
    """
    step = check_uniform(q, "pattern: q")
    if recipe.data_end > q[-1] + step / 2 or recipe.q_min < q[0] - step / 2:
        raise InputError(
            f"analysis: {recipe.q_min:g} to {recipe.data_end:g} 1/A exceeds the data ({q[0]:g} to {q[-1]:g} 1/A)"
        )
    half = step / 2
    first, last, end = np.searchsorted(q, [recipe.q_min - half, recipe.q_max + half, recipe.data_end + half])
    used = slice(first, end)
    part = q[used]
    f_squared = mean_f(recipe.composition, part) ** 2
    weight = 1.0 if compton is None else compton[used]
    free = mean_f2(recipe.composition, part) + weight * mean_compton(recipe.composition, part)
    density = _density_weights(part, free, f_squared, recipe.normalisation)
    subtracted = free if recipe.mode == "absolute" else mean_f2(recipe.composition, part)
    reduced = (part / f_squared)[:, None] * np.eye(len(part))
    reduced -= _polynomial_part(part, recipe.polynomial_degree, reduced)
    reduced, part = reduced[: last - first], part[: last - first]
    free_fq = reduced @ subtracted
    reduced -= np.outer(free_fq, density)
    transform = fourier_matrix(part, recipe.r, window(part, recipe.q_max, recipe.window))
    transform *= np.exp(0.5 * (recipe.r * recipe.q_damp) ** 2)[:, None]
    return PdfOperator(
        q=q,
        r=recipe.r,
        used=used,
        transformed=slice(first, last),
        reduced=reduced,
        matrix=transform @ reduced,
        density_weights=density,
        free_fq=free_fq,
        free_gr=transform @ free_fq,
        q_broad=recipe.q_broad,
    )


def _density_weights(
    q: NDArray[Any], free: NDArray[Any], f_squared: NDArray[Any], normalisation: Normalisation
) -> NDArray[np.float64]:
    """Weights of J that give the number of atoms: of its mean over free-atom scattering, or of its integral."""
    if normalisation == "krogh-moe":
        weights = q**2 / f_squared
        return weights / (weights @ free)
    high = q >= q[-1] / 2
    return np.where(high, 1 / free, 0.0) / np.count_nonzero(high)


def _polynomial_part(q: NDArray[Any], degree: float, columns: NDArray[Any]) -> NDArray[np.float64]:
    """Least-squares Q P(Q) of every column; a fractional degree mixes the neighbouring integers.

    Juhas et al., J. Appl. Cryst. 46, 560 (2013).
    """
    low = int(np.floor(degree))
    above = degree - low
    fitted = (1 - above) * _project(q, low, columns)
    return fitted + above * _project(q, low + 1, columns) if above else fitted


def _project(q: NDArray[Any], degree: int, columns: NDArray[Any]) -> NDArray[np.float64]:
    scaled = 2 * (q - q[0]) / (q[-1] - q[0]) - 1
    basis, _ = np.linalg.qr(q[:, None] * legendre.legvander(scaled, degree))
    return basis @ (basis.T @ columns)
