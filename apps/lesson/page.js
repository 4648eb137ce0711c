// Sliders to curves: reads the widgets, computes, fills the plots, marks ghosts and follows the guided steps.
"use strict";

const lessonPage = (() => {
  const byId = (id) => document.getElementById(id);
  const fixed = (value, digits) => value.toFixed(digits).replace("-", "−");
  let lib, widgets, sources, marks, onAxis = {}, linear, linearKey, pending = false;
  let step = 0, seen = {}, done = new Set(), answered = new Set(), now;

  function numbers(text, kind) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new { float64: Float64Array, int8: Int8Array }[kind](bytes.buffer);
  }

  function readLibrary() {
    const packed = JSON.parse(byId("library").textContent), read = { ...packed.values };
    for (const [name, array] of Object.entries(packed.arrays)) read[name] = numbers(array.data, array.kind);
    read.sines = lessonPhysics.sines(read.q, read.r);
    read.far_sines = lessonPhysics.sines(read.far_q, read.r);
    return read;
  }

  function settings() {
    const value = (name) => widgets[name].value;
    return {
      q_min: value("q_min"),
      q_max: value("q_max"),
      window: ["none", "lorch", "revised-lorch"][widgets.window.active],
      r_poly: value("r_poly"),
      photons: 10 ** value("photons"),
      silicon_share: value("silicon_share") / 100,
      lithium: value("lithium"),
      parallax_mm: value("parallax_mm"),
      draw: Math.round(value("draw")) - 1,
    };
  }

  function transform(s) {
    const key = [s.q_min, s.q_max, s.window, s.r_poly, s.silicon_share].join();
    if (key !== linearKey) [linear, linearKey] = [lessonPhysics.operator(lib, s), key];
    return linear;
  }

  function highest(r, y, low, high) {
    const found = lessonPhysics.maxima(r, y, 0.5, 8).filter((top) => top.r > low && top.r < high);
    return found.reduce((best, top) => (!best || top.prominence > best.prominence ? top : best), null);
  }

  const at = (values, r) => values[Math.round(r / (lib.r[1] - lib.r[0])) - 1];

  function width(y, top) {
    let left = top.index, right = top.index;
    while (left > 0 && y[left] > top.height / 2) left--;
    while (right < y.length - 1 && y[right] > top.height / 2) right++;
    return lib.r[right] - lib.r[left];
  }

  // Si-Si distance and Si-Li neighbours that the structures have
  function bonds(lithium) {
    const x = lib.lithium, member = (column) => x.map((_, m) => lib.shells[m * 3 + column]);
    const between = (y) => {
      let k = 1;
      while (k < x.length - 1 && x[k] < lithium) k++;
      return y[k - 1] + ((lithium - x[k - 1]) / (x[k] - x[k - 1])) * (y[k] - y[k - 1]);
    };
    return between(member(1)) / between(member(0));
  }

  function correlation(a, b) {
    const mean = (v) => v.reduce((x, y) => x + y, 0) / v.length, ma = mean(a), mb = mean(b);
    let ab = 0, aa = 0, bb = 0;
    a.forEach((v, i) => {
      ab += (v - ma) * (b[i] - mb);
      aa += (v - ma) ** 2;
      bb += (b[i] - mb) ** 2;
    });
    return ab / Math.sqrt(aa * bb);
  }

  // correlation with the silicon (0) or carbon (1) that was put in, inside the electrode
  function inElectrode(found, phase) {
    const pixels = lib.voxels ** 2, inside = (v) => lib.true_maps[v] > 0.5 && lib.true_maps[pixels + v] > 0.5;
    const chosen = [...found.keys()].filter(inside);
    return correlation(chosen.map((v) => found[v]), chosen.map((v) => lib.true_maps[phase * pixels + v]));
  }

  function range(values, low, high) {
    const inside = values.filter((_, i) => lib.r[i] >= low && lib.r[i] <= high);
    return inside.reduce((a, b) => a + b, 0) / inside.length;
  }

  function measure(s, c, maps) {
    const carbon = highest(lib.r, c.gr, 1.25, 1.6), silicon = highest(lib.r, c.gr, 2.2, 2.7);
    if (carbon) carbon.sigma = at(c.gr_sigma, carbon.r);
    if (carbon) carbon.ratio = carbon.prominence / carbon.sigma;
    if (silicon) silicon.width = width(c.gr, silicon);
    const low = highest(lib.r, c.dgr.map((v) => -v), 2.05, 2.4), high = highest(lib.r, c.dgr, 2.36, 2.7);
    const before = bonds(0), after = bonds(s.lithium);
    const difference = widgets.map_kind.active === 1;
    return {
      s,
      c,
      carbon,
      silicon: silicon || { r: NaN, height: NaN, width: NaN },
      silicon_on_axis: siliconOnAxis(s),
      ghost: lessonPhysics.maxima(lib.r, c.gr, 0.5, 2.2).filter((top) => top.r > 0.85 && top.r < 1.2)
        .sort((a, b) => b.prominence - a.prominence)[0] || null,
      lobes: s.lithium > 0 && low && high ? { low: low.r, high: high.r } : null,
      bond: { before, after, shift: after - before },
      gain: { true: range(c.dgr_true, 2.65, 3.0), found: range(c.dgr, 2.65, 3.0) },
      map: {
        r: widgets.map_r.value,
        difference,
        carbon: inElectrode(maps.found, 1),
        silicon: inElectrode(maps.found, 0),
      },
    };
  }

  // where the same transform shows Si-Si for a voxel on the axis
  function siliconOnAxis(s) {
    if (s.parallax_mm === 0) onAxis = {};
    const key = [linearKey, s.lithium, s.photons, s.draw].join();
    if (onAxis.key !== key) {
      const c = lessonPhysics.curves(lib, { ...s, parallax_mm: 0 }, transform(s));
      const top = highest(lib.r, c.gr, 2.2, 2.7);
      onAxis = { key, r: top ? top.r : NaN };
    }
    return onAxis.r;
  }

  // maxima of what was found that the truth does not have, and whose ripples they are
  function ghosts(s, c) {
    const real = lessonPhysics.maxima(lib.r, c.gr_true, 0.5, 8).filter((top) => top.prominence > 0.05);
    const strong = real.filter((top) => top.height > 1.5);
    return lessonPhysics.maxima(lib.r, c.gr, 0.5, 7.5)
      .filter((top) => top.prominence > 0.12 && !real.some((bond) => Math.abs(bond.r - top.r) < 0.13))
      .map((top) => {
        const noise = top.prominence < 3 * at(c.gr_sigma, top.r);
        const reach = 7.725 / s.q_max;
        const origin = strong
          .flatMap((bond) => [-1, 1].map((sign) => ({ bond, sign, off: Math.abs(bond.r + sign * reach - top.r) })))
          .sort((a, b) => a.off - b.off)[0];
        return { ...top, noise, origin: origin && origin.off < 0.12 ? origin : null, reach };
      });
  }

  const bondName = (r) => (r < 1.6 ? "C–C" : r < 2.6 ? "Si–Si and C···C" : r < 3.2 ? "C···C" : "second shells");

  function explain(found) {
    if (!found.length) return "No maximum of G(r) stands where there are no atoms.";
    const lines = found.map((top) => {
      const where = `<b>${fixed(top.r, 2)} Å</b>`;
      if (top.noise) return `${where}: less than three error bars high, noise`;
      if (!top.origin) return `${where}: ripples of several bonds`;
      const { bond, sign } = top.origin, site = fixed(bond.r, 2);
      return `${where}: ripple of ${bondName(bond.r)}, ${site} ${sign < 0 ? "−" : "+"} 7.7/Q<sub>max</sub> = ${fixed(bond.r + sign * top.reach, 2)} Å`;
    });
    return `Maxima without atoms: ${lines.join("; ")}.`;
  }

  function draw(s, c, maps, found) {
    const set = (name, data) => (sources[name].data = data);
    const band = (y, sigma, sign) => y.map((v, i) => v + sign * sigma[i]);
    set("pattern", { q: lib.q, iq: c.iq, free: c.free });
    set("reduced", { q: linear.q, fq: c.fq });
    set("pdf", {
      r: lib.r, gr: c.gr, true: c.gr_true,
      low: band(c.gr, c.gr_sigma, -1), high: band(c.gr, c.gr_sigma, 1),
    });
    set("change", {
      r: lib.r, dgr: c.dgr, true: c.dgr_true,
      low: band(c.dgr, c.dgr_sigma, -1), high: band(c.dgr, c.dgr_sigma, 1),
    });
    set("ghosts", {
      r: found.map((g) => g.r), y: found.map((g) => g.height),
      label: found.map((g) => `${g.noise ? "noise" : "ghost"} ${fixed(g.r, 2)}`),
    });
    const lobes = now.lobes ? [["loss", now.lobes.low], ["gain", now.lobes.high]] : [];
    set("lobes", {
      r: lobes.map((l) => l[1]), y: lobes.map((l) => at(c.dgr, l[1])),
      label: lobes.map((l) => `${l[0]} ${fixed(l[1], 2)}`),
    });
    marks.q_end.location = s.q_max;
    marks.map_r.location = now.map.r;
    marks.bond_before.location = now.bond.before;
    marks.bond_after.location = now.bond.after;
    for (const which of ["found", "true"]) sources[`map_${which}`].data = { image: [image(maps[which])] };
    for (const which of ["found", "true"]) Object.assign(marks[`colours_${which}`], limits(maps[which]));
  }

  const image = (values) => new (Bokeh.require("core/util/ndarray").Float64NDArray)(values, [lib.voxels, lib.voxels]);

  function limits(values) {
    const sorted = Float64Array.from(values).sort();
    return { low: sorted[0], high: sorted[sorted.length - 1] };
  }

  function summary() {
    const { carbon, silicon, lobes, bond, map } = now;
    byId("pdf-says").innerHTML = explain(now.ghosts) +
      (carbon ? ` C–C: ${fixed(carbon.prominence / carbon.sigma, 0)} error bars high.` : " C–C is not resolved.") +
      ` Si–Si: ${fixed(silicon.r, 3)} Å, ${fixed(silicon.width, 2)} Å wide.`;
    byId("change-says").innerHTML = lobes
      ? `Loss at <b>${fixed(lobes.low, 2)} Å</b>, gain at <b>${fixed(lobes.high, 2)} Å</b>. The mean Si–Si bond grew by
         <b>${fixed(bond.shift, 3)} Å</b>, from ${fixed(bond.before, 3)} to ${fixed(bond.after, 3)} Å (dotted lines).`
      : "Raise the lithiation to see the difference from the pristine state.";
    byId("map-says").innerHTML = `Map at <b>${fixed(map.r, 2)} Å</b>. Inside the electrode it correlates
      ${fixed(map.silicon, 2)} with the silicon that was put in, ${fixed(map.carbon, 2)} with the carbon.`;
  }

  function update() {
    pending = false;
    const s = settings();
    transform(s);
    const c = lessonPhysics.curves(lib, s, linear);
    const maps = lessonPhysics.sliceMaps(lib, s, linear, widgets.map_r.value, widgets.map_kind.active === 1);
    now = measure(s, c, maps);
    now.ghosts = ghosts(s, c);
    draw(s, c, maps, now.ghosts);
    summary();
    follow();
  }

  function schedule() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(update);
  }

  // -------------------------------------------------------------------------------------------------------------------
  // guided steps

  function follow() {
    const current = lessonSteps[step];
    if (!done.has(step) && current.reached(now, seen)) {
      done.add(step);
      byId("learned").innerHTML = current.learned(now);
      show();
    }
  }

  const complete = (k) => done.has(k) && (!lessonSteps[k].quiz || answered.has(k));

  function show() {
    const current = lessonSteps[step];
    byId("step-number").textContent = `Step ${step + 1} of ${lessonSteps.length}`;
    byId("step-title").textContent = current.title;
    byId("step-text").innerHTML = current.text;
    byId("step-task").innerHTML = current.task;
    byId("step").dataset.reached = done.has(step);
    byId("goal").textContent = done.has(step) ? "✓ reached" : "not yet reached";
    byId("outcome").hidden = !done.has(step);
    byId("back").disabled = step === 0;
    byId("next").disabled = step === lessonSteps.length - 1;
    byId("next").textContent = complete(step) ? "Next step" : "Skip";
    [...byId("progress").children].forEach((dot, k) => {
      dot.className = complete(k) ? "complete" : "";
      dot.setAttribute("aria-current", k === step ? "step" : "false");
    });
    showQuiz(current.quiz);
  }

  function showQuiz(quiz) {
    const box = byId("quiz");
    if (box.dataset.step === String(step)) return;
    box.dataset.step = String(step);
    box.replaceChildren();
    if (!quiz) return;
    const question = document.createElement("p"), why = document.createElement("p");
    question.className = "question";
    question.textContent = quiz.question;
    why.className = "why";
    why.setAttribute("aria-live", "polite");
    const buttons = quiz.answers.map((answer) => {
      const button = document.createElement("button");
      button.textContent = answer.text;
      button.onclick = () => {
        button.className = answer.right ? "right" : "wrong";
        why.textContent = answer.why;
        if (answer.right) answered.add(step);
        show();
      };
      return button;
    });
    box.append(question, ...buttons, why);
  }

  function go(to) {
    step = Math.min(Math.max(to, 0), lessonSteps.length - 1);
    seen = {};
    if (lessonSteps[step].maps) byId("map-panel").scrollIntoView({ behavior: "smooth", block: "end" });
    if (done.has(step)) byId("learned").innerHTML = lessonSteps[step].learned(now);
    show();
    follow();
  }

  function start(models) {
    ({ widgets, sources, marks } = models);
    lib = readLibrary();
    for (const [name, widget] of Object.entries(widgets)) {
      const property = "active" in widget ? widget.properties.active : widget.properties.value;
      property.change.connect(schedule);
      if (name === "map_r") property.change.connect(schedule);
    }
    models.pdf.on_event("tap", (event) => (widgets.map_r.value = Math.min(Math.max(0.5, Math.round(event.x / 0.02) * 0.02), 7.5)));
    byId("progress").append(...lessonSteps.map((one, k) => {
      const dot = document.createElement("button");
      dot.title = `Step ${k + 1}: ${one.title}`;
      dot.setAttribute("aria-label", dot.title);
      dot.onclick = () => go(k);
      return dot;
    }));
    byId("back").onclick = () => go(step - 1);
    byId("next").onclick = () => go(step + 1);
    byId("reset").onclick = () => {
      for (const [name, value] of Object.entries(models.defaults)) {
        const widget = widgets[name];
        if ("active" in widget) widget.active = value;
        else widget.value = value;
      }
    };
    show();
    update();
    document.body.dataset.ready = "true";
  }

  return { start };
})();
