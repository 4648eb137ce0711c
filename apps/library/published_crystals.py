"""Published densities and shortest distances of the library's crystals, from other sources than their cells."""

from dataclasses import dataclass

#: what the sources stand for
SOURCES = {
    "CRC": "CRC Handbook of Chemistry and Physics, densities at 298 K and metallic radii",
    "Shannon": "Shannon, Acta Cryst. A32, 751 (1976), sums of ionic radii, which are good to 0.04 Å",
    "X-ray density": "powder diffraction files of the compound: from other measurements than the entry's",
    "Schiferl": "Schiferl & Barrett, J. Appl. Cryst. 2, 30 (1969), bismuth at 298 K",
    "mineral": "Handbook of Mineralogy, clinobisvanite",
}
#: densities of handbooks are good to this share
DENSITY_SHARE = 0.01
#: shortest distances follow from radii to this (angstrom)
RADII_A = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Density (g/cm3) with its source; pair, neighbours and mean distance (angstrom) of the first shell with theirs."""

    density_g_cm3: float
    density_source: str
    pair: str
    neighbours: float
    distance_a: float
    distance_source: str


def _one(density: float, where: str, pair: str, neighbours: float, distance: float, source: str) -> Published:
    return Published(
        density_g_cm3=density,
        density_source=where,
        pair=pair,
        neighbours=neighbours,
        distance_a=distance,
        distance_source=source,
    )


#: radii: Ce4+ (8) 0.97, O2- (4) 1.38, (3) 1.36, (2) 1.35; Al3+ (6) 0.535, (4) 0.39; Si4+ (4) 0.26; Co3+ (6, low spin)
#: 0.545 with O2- (6) 1.40; P5+ (4) 0.17 and V5+ (4) 0.355 with O2- (4) 1.38; metals: half of 2.492, 2.751, 2.775, 3.716
PUBLISHED = {
    "nickel": _one(8.90, "CRC", "Ni-Ni", 12, 2.492, "CRC"),
    "palladium": _one(12.0, "CRC", "Pd-Pd", 12, 2.751, "CRC"),
    "platinum": _one(21.5, "CRC", "Pt-Pt", 12, 2.775, "CRC"),
    "ceria": _one(7.215, "X-ray density", "Ce-O", 8, 0.97 + 1.38, "Shannon"),
    "lanthanum-hexaboride": _one(4.72, "X-ray density", "B-B", 5, 1.76, "X-ray density"),
    "alpha-alumina": _one(3.99, "CRC", "Al-O", 6, 0.535 + 1.38, "Shannon"),
    # eight tetrahedral and 13 1/3 octahedral aluminium in 32 oxygen
    "gamma-alumina": _one(3.66, "X-ray density", "Al-O", 5.25, (32 * 1.77 + 80 * 1.915) / 112, "Shannon"),
    "quartz": _one(2.65, "CRC", "Si-O", 4, 0.26 + 1.35, "Shannon"),
    "lithium-cobalt-oxide": _one(5.05, "X-ray density", "Co-O", 6, 0.545 + 1.40, "Shannon"),
    "lithium-iron-phosphate": _one(3.60, "X-ray density", "P-O", 4, 0.17 + 1.38, "Shannon"),
    "nmc-111": _one(4.77, "X-ray density", "Co-O", 6, 0.545 + 1.40, "Shannon"),
    # carbon of graphite, whose bond lithium lengthens by 0.01 A
    "lithiated-graphite": _one(2.20, "X-ray density", "C-C", 3, 1.42, "CRC"),
    "bismuth-vanadate": _one(6.95, "mineral", "V-O", 4, 0.355 + 1.38, "Shannon"),
    # three neighbours in the layer, three in the next
    "bismuth": _one(9.79, "CRC", "Bi-Bi", 6, (3.071 + 3.529) / 2, "Schiferl"),
    # eight at a sqrt(3)/4 and six at a/2, a from the density
    "lithium-bismuthide": _one(5.03, "X-ray density", "Bi-Li", 14, (8 * 3**0.5 / 4 + 3) / 14 * 6.720, "X-ray density"),
    "sodium": _one(0.97, "CRC", "Na-Na", 8, 3.716, "CRC"),
}
