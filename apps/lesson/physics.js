// From patterns to pair distribution functions, as in tsct.analyze.pdf: same definitions, same order of operations.
"use strict";

const lessonPhysics = (() => {
  const dot = (a, b) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
    return sum;
  };

  // sin(Q r) of the whole grid, once: shape (r, q)
  function sines(q, r) {
    const table = new Float64Array(q.length * r.length);
    for (let i = 0; i < r.length; i++)
      for (let k = 0; k < q.length; k++) table[i * q.length + k] = Math.sin(r[i] * q[k]);
    return table;
  }

  function firstAtLeast(q, value) {
    let index = 0;
    while (index < q.length && q[index] < value) index++;
    return index;
  }

  function windowAt(q, qMax, name) {
    const x = Math.max((Math.PI * q) / qMax, 1e-9);
    if (name === "lorch") return Math.sin(x) / x;
    if (name === "revised-lorch") return x < 1e-3 ? 1 : (3 * (Math.sin(x) - x * Math.cos(x))) / x ** 3;
    return 1;
  }

  // atoms of every material per cubic angstrom; silicon and carbon are conserved while lithium comes in
  function amounts(lib, s, lithium) {
    const volume = [s.silicon_share / lib.mass_densities[0], (1 - s.silicon_share) / lib.mass_densities[1]];
    const whole = volume[0] + volume[1];
    const silicon = (volume[0] / whole) * lib.densities[0];
    const atoms = new Float64Array(lib.materials);
    atoms[lib.materials - 1] = (volume[1] / whole) * lib.densities[1];
    const x = lib.lithium;
    let above = 1;
    while (above < x.length - 1 && x[above] < lithium) above++;
    const share = (lithium - x[above - 1]) / (x[above] - x[above - 1]);
    atoms[above - 1] = silicon * (1 - share) * (1 + x[above - 1]);
    atoms[above] = silicon * share * (1 + x[above]);
    return atoms;
  }

  // what the analyst assumes: the pristine mixture
  function composition(lib, s) {
    const atoms = amounts(lib, s, 0);
    const carbon = atoms[lib.materials - 1] / atoms.reduce((a, b) => a + b);
    return { Si: 1 - carbon, C: carbon };
  }

  // orthonormal basis of Q times Legendre polynomials up to a degree, on the given part of Q
  function polynomials(q, degree) {
    const n = q.length, basis = [];
    const scaled = q.map((v) => (2 * (v - q[0])) / (q[n - 1] - q[0]) - 1);
    let before = new Float64Array(n), now = new Float64Array(n).fill(1);
    for (let d = 0; d <= degree; d++) {
      const row = now.map((v, k) => v * q[k]);
      for (let pass = 0; pass < 2; pass++)
        for (const b of basis) {
          const along = dot(b, row);
          for (let k = 0; k < n; k++) row[k] -= along * b[k];
        }
      const length = Math.sqrt(dot(row, row));
      basis.push(row.map((v) => v / length));
      const next = now.map((v, k) => ((2 * d + 1) * scaled[k] * v - d * before[k]) / (d + 1));
      before = now;
      now = next;
    }
    return basis;
  }

  // the linear map from J(Q) to H(r); see tsct.analyze.pdf.PdfOperator
  function operator(lib, s) {
    const step = lib.q[1] - lib.q[0];
    const first = firstAtLeast(lib.q, s.q_min - step / 2), end = firstAtLeast(lib.q, s.q_max + step / 2);
    const q = lib.q.subarray(first, end), n = q.length, nq = lib.q.length, nr = lib.r.length;
    const shares = composition(lib, s), elements = [shares.Si, shares.C];
    const over = new Float64Array(n), free = new Float64Array(n), density = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      let f = 0;
      elements.forEach((c, e) => {
        const factor = lib.factors[e * nq + first + k];
        f += c * factor;
        free[k] += c * (factor * factor + lib.compton[e * nq + first + k]);
      });
      over[k] = q[k] / (f * f);
    }
    const high = q.reduce((count, v) => count + (v >= q[n - 1] / 2), 0);
    for (let k = 0; k < n; k++) density[k] = q[k] >= q[n - 1] / 2 ? 1 / free[k] / high : 0;
    const degree = (s.r_poly * s.q_max) / Math.PI, low = Math.floor(degree);
    const basis = polynomials(q, low < degree ? low + 1 : low);
    const part = basis.map((_, d) => (d > low ? degree - low : 1));

    function fq(pattern) {
      const n0 = dot(density, pattern), y = new Float64Array(n);
      for (let k = 0; k < n; k++) y[k] = over[k] * (pattern[k] - free[k] * n0);
      const along = basis.map((b) => dot(b, y));
      basis.forEach((b, d) => {
        for (let k = 0; k < n; k++) y[k] -= part[d] * along[d] * b[k];
      });
      return y;
    }

    const weights = q.map((v, k) => {
      const end = k === 0 || k === n - 1 ? 0.5 : 1;
      return (2 / Math.PI) * step * end * windowAt(v, s.q_max, s.window);
    });
    const matrix = new Float64Array(nr * n);
    for (let i = 0; i < nr; i++) {
      const row = matrix.subarray(i * n, (i + 1) * n), sine = lib.sines.subarray(i * nq + first, i * nq + end);
      for (let k = 0; k < n; k++) row[k] = sine[k] * weights[k];
      const along = basis.map((b) => dot(b, row));
      basis.forEach((b, d) => {
        const size = part[d] * along[d];
        for (let k = 0; k < n; k++) row[k] -= size * b[k];
      });
      let taken = 0;
      for (let k = 0; k < n; k++) {
        row[k] *= over[k];
        taken += row[k] * free[k];
      }
      for (let k = 0; k < n; k++) row[k] -= taken * density[k];
    }
    const row = (i) => matrix.subarray(i * n, (i + 1) * n);
    const apply = (pattern) => Float64Array.from({ length: nr }, (_, i) => dot(row(i), pattern));
    const variance = (squares) =>
      Float64Array.from({ length: nr }, (_, i) => {
        const m = row(i);
        let sum = 0;
        for (let k = 0; k < n; k++) sum += m[k] * m[k] * squares[k];
        return sum;
      });
    return { first, end, q, free, fq, apply, variance, row, density: (pattern) => dot(density, pattern) };
  }

  // measured pattern of one state and its variance, on the whole grid
  function pattern(lib, s, lithium, state) {
    const nq = lib.q.length, atoms = amounts(lib, s, lithium);
    const found = new Float64Array(nq), variance = new Float64Array(nq);
    const normals = lib.normals.subarray((s.draw * 2 + state) * nq, (s.draw * 2 + state + 1) * nq);
    atoms.forEach((a, m) => {
      if (a === 0) return;
      for (let k = 0; k < nq; k++)
        found[k] += a * (lib.spectra[m * nq + k] + s.parallax_mm * lib.moved[m * nq + k]);
    });
    for (let k = 0; k < nq; k++) {
      variance[k] = (lib.noise_per_root[k] ** 2 * Math.max(found[k], 0)) / s.photons;
      found[k] += Math.sqrt(variance[k]) * normals[k];
    }
    return { found, variance };
  }

  // H(r) of silicon with its lithium and of carbon as measured to infinite Q, at the distances [from, to) of the grid:
  // weights n <f>^2 / <f>^2 change with Q; those at the end are held, and what they change before is transformed
  function trueParts(lib, s, lithium, from, to) {
    const atoms = amounts(lib, s, lithium), shares = composition(lib, s), nf = lib.far_q.length, nr = lib.r.length;
    const last = lib.materials - 1, step = lib.far_q[1] - lib.far_q[0];
    const weight = (m, k) => {
      const silicon = lib.far_factors[k], carbon = lib.far_factors[nf + k], light = lib.far_factors[2 * nf + k];
      const own = m === last ? carbon : (silicon + lib.lithium[m] * light) / (1 + lib.lithium[m]);
      return (atoms[m] * own ** 2) / (shares.Si * silicon + shares.C * carbon) ** 2;
    };
    const parts = [new Float64Array(to - from), new Float64Array(to - from)];
    const left = [new Float64Array(nf), new Float64Array(nf)];
    atoms.forEach((a, m) => {
      if (a === 0) return;
      const which = m === last ? 1 : 0, held = weight(m, nf - 1);
      for (let i = from; i < to; i++) parts[which][i - from] += held * lib.gr[m * nr + i];
      for (let k = 0; k < nf; k++) {
        const end = k === 0 || k === nf - 1 ? 0.5 : 1;
        left[which][k] += (2 / Math.PI) * step * end * (weight(m, k) - held) * lib.far_fq[m * nf + k];
      }
    });
    parts.forEach((part, which) => {
      for (let i = from; i < to; i++)
        part[i - from] += dot(left[which], lib.far_sines.subarray(i * nf, (i + 1) * nf));
    });
    return parts;
  }

  // everything that is drawn for one voxel, per atom of the pristine voxel
  function curves(lib, s, linear) {
    const used = (values) => values.subarray(linear.first, linear.end);
    const before = pattern(lib, s, 0, 0), now = pattern(lib, s, s.lithium, 1);
    const density = linear.density(used(now.found)), reference = linear.density(used(before.found));
    const atoms = amounts(lib, s, 0).reduce((a, b) => a + b);
    const change = now.found.map((v, k) => v - before.found[k]);
    const variance = linear.variance(used(now.variance)), earlier = linear.variance(used(before.variance));
    const whole = (lithium) => {
      const [silicon, carbon] = trueParts(lib, s, lithium, 0, lib.r.length);
      return silicon.map((v, i) => (v + carbon[i]) / atoms);
    };
    const truth = whole(s.lithium), pristine = whole(0);
    const shares = composition(lib, s), nq = lib.q.length;
    return {
      iq: now.found.map((v) => v / reference),
      free: lib.q.map(
        (_, k) =>
          (density / reference) *
          (shares.Si * (lib.factors[k] ** 2 + lib.compton[k]) +
            shares.C * (lib.factors[nq + k] ** 2 + lib.compton[nq + k])),
      ),
      fq: linear.fq(used(now.found)).map((v) => v / reference),
      gr: linear.apply(used(now.found)).map((v) => v / reference),
      gr_sigma: variance.map((v) => Math.sqrt(v) / reference),
      gr_true: truth,
      dgr: linear.apply(used(change)).map((v) => v / reference),
      dgr_sigma: variance.map((v, i) => Math.sqrt(v + earlier[i]) / reference),
      dgr_true: truth.map((v, i) => v - pristine[i]),
    };
  }

  // map of G or dG at one distance, with the noise of the reconstruction
  function sliceMaps(lib, s, linear, r, difference) {
    const k = Math.round(r / (lib.r[1] - lib.r[0])) - 1, row = linear.row(k), nq = lib.q.length;
    const before = amounts(lib, s, 0), now = amounts(lib, s, s.lithium), last = lib.materials - 1;
    const mean = before.reduce((a, b) => a + b);
    const change = now.map((a, m) => a - (difference ? before[m] : 0));
    const heights = change.map((a, m) => {
      const spectrum = lib.spectra.subarray(m * nq + linear.first, m * nq + linear.end);
      return a === 0 ? 0 : (a * dot(spectrum, row)) / mean;
    });
    const here = (lithium) => trueParts(lib, s, lithium, k, k + 1).map((part) => part[0]);
    const pristine = here(0), known = here(s.lithium).map((v, p) => (v - (difference ? pristine[p] : 0)) / mean);
    const split = (values) => [values.subarray(0, last).reduce((a, b) => a + b, 0), values[last]];
    const noise = mapNoise(lib, s, linear, row, difference, mean);
    const pixels = lib.voxels ** 2, [a, b] = split(heights), [c, d] = known;
    const found = new Float64Array(pixels), seen = new Float64Array(pixels);
    for (let v = 0; v < pixels; v++) {
      found[v] = a * lib.maps[v] + b * lib.maps[pixels + v] + noise[v];
      seen[v] = c * lib.true_maps[v] + d * lib.true_maps[pixels + v];
    }
    return { found, true: seen };
  }

  function mapNoise(lib, s, linear, row, difference, mean) {
    const nq = lib.q.length, pixels = lib.voxels ** 2, noise = new Float64Array(pixels);
    const now = pattern(lib, s, s.lithium, 1).variance, before = pattern(lib, s, 0, 0).variance;
    const square = new Float64Array(lib.blocks), sum = new Float64Array(lib.blocks);
    row.forEach((m, i) => {
      const k = linear.first + i, block = Math.floor((k * lib.blocks) / nq);
      square[block] += m * m * (now[k] + (difference ? before[k] : 0));
      sum[block] += m;
    });
    for (let b = 0; b < lib.blocks; b++) {
      const size = (Math.sqrt(square[b]) * Math.sign(sum[b]) * lib.field_step) / mean;
      if (size === 0) continue;
      for (let v = 0; v < pixels; v++) noise[v] += size * lib.fields[b * pixels + v];
    }
    return noise;
  }

  // maxima between two distances, with heights and prominences as in scipy.signal.find_peaks
  function maxima(r, y, low, high) {
    const inside = [];
    for (let i = 0; i < r.length; i++) if (r[i] > low && r[i] < high) inside.push(i);
    const from = inside[0], to = inside[inside.length - 1], found = [];
    for (let i = from + 1; i < to; i++) {
      if (!(y[i] > y[i - 1] && y[i] >= y[i + 1])) continue;
      const valley = (sign) => {
        let lowest = y[i];
        for (let j = i; j >= from && j <= to && y[j] <= y[i]; j += sign) lowest = Math.min(lowest, y[j]);
        return lowest;
      };
      const offset = (0.5 * (y[i - 1] - y[i + 1])) / (y[i - 1] - 2 * y[i] + y[i + 1]);
      found.push({
        index: i,
        r: r[i] + offset * (r[1] - r[0]),
        height: y[i] - 0.25 * (y[i - 1] - y[i + 1]) * offset,
        prominence: y[i] - Math.max(valley(-1), valley(1)),
      });
    }
    return found;
  }

  return { amounts, composition, curves, maxima, operator, sines, sliceMaps };
})();
