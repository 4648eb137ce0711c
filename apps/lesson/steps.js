// The guided steps: what to do, how the page knows that it is done, and what it teaches.
"use strict";

const lessonSteps = (() => {
  const plain = (s) => s.window === "none";
  // how prominent the maximum near 1 A is; none counts as zero
  const ghost = (now) => (now.ghost ? now.ghost.prominence : 0);
  const fixed = (value, digits) => value.toFixed(digits).replace("-", "−");

  return [
    {
      title: "A peak where there are no atoms",
      text: `Grey is the truth: the pair distribution function of these very atoms, without any end in Q. Blue is what a
        measurement finds that ends at Q<sub>max</sub> = 20 Å⁻¹. Near 1 Å blue has a maximum, yet no two atoms here are
        closer than 1.4 Å.`,
      task: "Move Q<sub>max</sub> below 18.5, then above 21.5. Which maxima travel, and which stay?",
      reached(now, seen) {
        if (!plain(now.s)) return false;
        seen.low = seen.low || now.s.q_max <= 18.5;
        seen.high = seen.high || now.s.q_max >= 21.5;
        return seen.low && seen.high;
      },
      learned: () => `Ending the transform turns every bond into sin(Q<sub>max</sub>(r − r₀))/(r − r₀): a peak with
        ripples. Its first side maximum lies 7.7/Q<sub>max</sub> away. For C–C that is
        1.42 − 7.7/20 = 1.03 Å; ripples of Si–Si and the baseline pull it a little lower.
        <b>Bonds stay, ghosts travel.</b>`,
    },
    {
      title: "Make it vanish, keep the C–C peak",
      text: `There is more than one way: a window that damps the end of F(Q), data that reach further, or a polynomial
        that takes away what varies slowly in Q.`,
      task: "Bring the maximum near 1 Å below 0.15 Å⁻² while C–C at 1.42 Å stays a peak of its own, three error bars high.",
      reached: (now) => ghost(now) < 0.15 && now.carbon && now.carbon.prominence > 0.4 && now.carbon.ratio > 3,
      learned(now) {
        if (!plain(now.s))
          return `The window did it, and here is its price: the Si–Si peak is now ${fixed(now.silicon.width, 2)} Å wide
            (0.21 Å without a window at Q<sub>max</sub> 20) and its height ${fixed(now.silicon.height, 1)} instead of
            7.9 Å⁻². A window moves the ripples into the width of the bonds.`;
        if (now.s.q_max >= 26)
          return `Reaching further did it: the side maximum has moved up to the C–C peak itself and is small there. The
            price is noise: the error band at 1.42 Å is now ±${fixed(now.carbon.sigma, 2)} Å⁻². Step 3 is about it.`;
        return `The polynomial did it. It takes away whatever varies slowly in Q, which is everything below
          r<sub>poly</sub>: the ghost, but also the slope −4πρ₀r that holds the density. Step 4 is about it.`;
      },
    },
    {
      title: "Why not simply measure to 36 Å⁻¹?",
      text: `Far out in Q atoms scatter little and Compton scattering dominates; dividing by ⟨f⟩² blows its counting
        noise up. The blue band is one standard deviation of G(r), propagated exactly from the counts.`,
      task: `Without a window and with Q<sub>max</sub> ≥ 30, lower the photons until C–C is less than five error bars
        high. Then, with the same photons, bring it back above eight.`,
      reached(now, seen) {
        const ratio = now.carbon ? now.carbon.ratio : 0;
        if (plain(now.s) && now.s.q_max >= 30 && ratio < 5) seen.photons = now.s.photons;
        return seen.photons !== undefined && now.s.photons <= seen.photons && ratio > 8;
      },
      learned: () => `Noise of G grows far faster with Q<sub>max</sub> than resolution does. It also has the period
        2π/Q<sub>max</sub>, so it looks like ripples: never trust two neighbouring points of G(r) as independent.
        Whoever plans a beamtime chooses Q<sub>max</sub> and exposure together.`,
    },
    {
      title: "A polynomial can hide a ghost",
      text: `Many programs let a polynomial explain whatever the normalisation gets wrong. Its reach is r<sub>poly</sub>:
        it may bend everything below that distance.`,
      task: "Window off, Q<sub>max</sub> near 20: raise r<sub>poly</sub> until the ghost is gone. Look at what else changed below 1.3 Å.",
      reached: (now) => plain(now.s) && Math.abs(now.s.q_max - 20) <= 2 && now.s.r_poly > 0.9 && ghost(now) < 0.15,
      learned: () => `The ghost went, and so did the straight line that G must follow where there are no atoms. A C–H bond at
        1.1 Å would have gone with it. A flat low-r region is no proof of a good PDF: it may have been ironed.`,
      quiz: {
        question: "What does −4πρ₀r below the first bond tell?",
        answers: [
          { text: "The number density of atoms", right: true, why: "Yes: G(r) = 4πr(ρ(r) − ρ₀), and ρ(r) is zero there." },
          { text: "The background of the container", why: "No: a background leaves broad waves, not a line through zero." },
          { text: "Nothing, it is an artefact", why: "No: it is the one part of G(r) that is known beforehand." },
        ],
      },
    },
    {
      title: "The 2.8 Å feature: Si–Li, or a ripple?",
      text: `Lithium enters the silicon; the lower panel shows G minus that of the pristine state. A maximum appears near
        2.8 Å, which is where Si–Li neighbours sit.`,
      task: `Set lithiation to 0.1 or more. Follow that maximum from Q<sub>max</sub> 18 to 26, then try a window.`,
      reached(now, seen) {
        if (now.s.lithium < 0.1) return false;
        if (plain(now.s)) {
          seen.low = seen.low || now.s.q_max <= 18;
          seen.high = seen.high || now.s.q_max >= 26;
        } else seen.window = true;
        return seen.low && seen.high && seen.window;
      },
      learned: (now) => `The <i>maximum</i> travels (2.91 Å at 18, 2.77 Å at 24) and a window removes it: its position is that of
        a ripple of the moving Si–Si peak. The <i>gain</i> is real: averaged over 2.65–3.0 Å the truth changes by
        ${fixed(now.gain.true, 2)} Å⁻², and blue shows ${fixed(now.gain.found, 2)}. Fit a Si–Li shell with the transform
        built in; do not read its distance off the curve.`,
      quiz: {
        question: "So what is at 2.8 Å?",
        answers: [
          { text: "A Si–Li bond of 2.8 Å, read off directly", why: "Then it would stay where it is when Qmax changes." },
          { text: "Only a ripple, no lithium", why: "Then the mean gain over 2.65–3.0 Å would vanish in the grey truth too." },
          { text: "A broad Si–Li shell with a ripple on top", right: true, why: "Yes. Grey has a shoulder there and no maximum." },
        ],
      },
    },
    {
      title: "Lobes are not bond lengths",
      text: `A peak that moves leaves a loss on its left and a gain on its right. It is tempting to call the gain a new,
        longer bond.`,
      task: "Q<sub>max</sub> 20, no window: find a lithiation at which the mean Si–Si bond has grown by less than 0.03 Å, and read both lobes.",
      reached: (now) => plain(now.s) && now.s.lithium > 0 && now.bond.shift > 0 && now.bond.shift < 0.03 && !!now.lobes,
      learned: (now) => `The gain stands at ${fixed(now.lobes.high, 2)} Å, ${fixed(now.lobes.high - now.bond.before, 2)} Å
        above the old bond, but the bonds grew by ${fixed(now.bond.shift, 3)} Å. For a small shift δ the lobes lie at
        r₀ + δ/2 ± s: their distance is twice the <i>width</i> s of the peak, and they move by only half the shift.
        What measures δ is the <i>height</i> of the lobes, or better a fit of the whole shape.`,
      quiz: {
        question: "Two lobes at 2.27 and 2.52 Å. By how much did the bond grow?",
        answers: [
          { text: "0.25 Å", why: "That is twice the width of the truncated peak." },
          { text: "About 0.15 Å", why: "The gain lies about one peak width above the bond, whatever the shift." },
          { text: "The positions cannot tell", right: true, why: "Right. The heights can: they are proportional to the shift." },
        ],
      },
    },
    {
      title: "Parallax moves bonds as well",
      text: `The detector stands 300 mm from the rotation axis. A voxel nearer to it scatters to a smaller radius, and
        its Q is taken for smaller than it is. At the rim of this electrode the voxel is 2.6 mm off the axis.`,
      task: "Lithiation back to 0: move the voxel along the beam until the Si–Si peak has moved by 0.01 Å or more.",
      reached: (now) => now.s.lithium === 0 && Math.abs(now.silicon.r - now.silicon_on_axis) >= 0.01,
      learned: (now) => `Si–Si appears at ${fixed(now.silicon.r, 3)} instead of ${fixed(now.silicon_on_axis, 3)} Å, and nothing
        happened to the silicon. The same shift from lithium would take x ≈ 0.02.`,
      quiz: {
        question: "How do you tell it from lithiation?",
        answers: [
          { text: "All peaks move by the same share of r", right: true, why: "Yes: 0.5 % of 1.42, of 2.37, of 3.8 Å. A scan over 360° averages it away." },
          { text: "Only Si–Si moves", why: "That is the sign of lithiation; parallax does not know the elements." },
          { text: "The peaks get broader instead", why: "In one voxel seen from one side they move; broadening comes from averaging." },
        ],
      },
    },
    {
      title: "A map of something that is not there",
      maps: true,
      text: `The maps below show G at one distance in every voxel of a slice, reconstructed with the noise of its
        photons. At 2.38 Å they show silicon, at 1.42 Å mostly carbon.`,
      task: "Window off, Q<sub>max</sub> 20, lithiation 0, r<sub>poly</sub> 0.6: map the distance of the ghost near 1 Å.",
      reached: (now) => !!now.ghost && !now.map.difference && now.s.r_poly < 0.9 && Math.abs(now.map.r - now.ghost.r) < 0.06,
      learned: (now) => `Voxels and rings, as in any good map, of bonds that do not exist. Inside the electrode it correlates
        ${fixed(now.map.carbon, 2)} with the carbon and ${fixed(now.map.silicon, 2)} with the silicon that were put in: tomography and
        transform are both linear, so every ripple is mapped as faithfully as its bond.
        <b>A clean map proves nothing about a peak.</b>`,
    },
  ];
})();
