"""A small sample of named phases that the judge is tested on: copper on carbon in a quartz tube, which warms up."""

from tsct.phantoms import States, structure
from tsct.phantoms.painted import Change, Cylinder, PaintedSample, Phase, Texture, Tube

#: outer radius of the filling, mm
RADIUS_MM = 0.9


def painted_capillary() -> PaintedSample:
    """Copper varies from side to side and expands, and a fifth of it is lost in the second of two states."""
    core = Cylinder(
        diameter_mm=2 * RADIUS_MM,
        fill={"copper": 0.1, "carbon": 0.5},
        texture=(
            Texture(phase="copper", kind="gradient", amplitude=0.4, radius_mm=RADIUS_MM),
            Texture(phase="carbon", kind="gradient", amplitude=0.3, radius_mm=RADIUS_MM, direction_deg=90.0),
        ),
        sample=True,
    )
    return PaintedSample(
        phases=(
            Phase(name="quartz", series=(structure("silica-glass"),)),
            Phase(name="copper", series=(structure("copper"),)),
            Phase(name="carbon", series=(structure("graphite"),)),
        ),
        solids=(Tube(inner_diameter_mm=2 * RADIUS_MM, outer_diameter_mm=2.4, fill={"quartz": 1.0}), core),
        states=States(axis="temperature_k", values=(300.0, 400.0)),
        changes=(
            Change(phase="copper", kind="strain", curve=((300.0, 0.0), (400.0, 0.002))),
            Change(phase="copper", kind="growth", curve=((300.0, 0.0), (400.0, -0.2))),
        ),
    )
