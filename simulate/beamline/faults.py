"""The imperfections of a scan, each with a size and an off switch."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from tsct.records.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Imperfections of the scan; zero switches each of them off.

    The experimenter knows none of these sizes. They are recorded in the truth and never in the scan.

    Parameters
    ----------
    axis_offset_mm : float
        Distance of the rotation axis from the centre of the translations.
    axis_wobble_mm : float
        Amplitude with which the axis moves sideways, twice in a turn.
    axis_tilt_deg : float
        Tilt of the axis in the plane normal to the beam: outer translations see higher or lower slices.
    translation_jitter_mm : float
        Standard deviation of the beam's position in each frame.
    beam_drift_mm : float
        How far the beam moves sideways during one tomogram.
    sample_shift_mm : float
        Standard deviation of the sample's position, along x and y, new in every state.
    flux_decay : float
        Share of the beam current that is lost between two refills; the monitor sees it.
    refill_s : float
        Time between refills.
    lost_frames : float
        Share of frames that are not recorded: no counts and no monitor.
    channel_gain, translation_gain : float
        Relative standard deviation of a gain error that each Q bin and each translation keeps over all scans.
    channel_drift : float
        Relative standard deviation of a gain error per Q bin that is new in every scan.
    flat_field : float
        Relative standard deviation of what the flat-field correction has left in each pixel, kept over all scans.
    dead_pixels, hot_pixels : float
        Share of pixels that count nothing and that count without light, not known and so not masked.
    hot_pixel_counts_per_s : float
        What a hot pixel counts in the dark.
    monitor_noise : float
        Relative standard deviation of the incident-flux and transmission monitors, per frame.
    sensor_parallax : float
        1 for photons that are counted below the pixel in whose depth they are absorbed, 0 for counting at the sensor's
        face; a distance calibrated with a standard takes up most of it.
    q_blur : float
        Standard deviation of the resolution in Q, 1/angstrom.
    energy_error : float
        Relative difference of the true from the stated photon energy.
    distance_error_mm : float
        Difference of the true from the stated detector distance.
    zingers : float
        Share of readings that hold a zinger.
    zinger_counts : float
        Mean number of counts of a zinger.
    lithiation_during_scan : float
        Share of the way to the next state that the discharge goes while the tomogram is taken.
    """

    axis_offset_mm: float = 0.030
    axis_wobble_mm: float = 0.0
    axis_tilt_deg: float = 0.0
    translation_jitter_mm: float = 0.0
    beam_drift_mm: float = 0.0
    sample_shift_mm: float = 0.0
    flux_decay: float = 0.0
    refill_s: float = 600.0
    lost_frames: float = 0.0
    channel_gain: float = 0.003
    translation_gain: float = 0.003
    channel_drift: float = 0.0005
    flat_field: float = 0.0
    dead_pixels: float = 0.0
    hot_pixels: float = 0.0
    hot_pixel_counts_per_s: float = 1e4
    monitor_noise: float = 1e-4
    sensor_parallax: float = 0.0
    q_blur: float = 0.0
    energy_error: float = 0.0
    distance_error_mm: float = 0.0
    zingers: float = 0.0
    zinger_counts: float = 1e5
    lithiation_during_scan: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"faults.{name} is {value}; allowed are {low:g} to {high:g}")


#: physical range of each fault
LIMITS: Mapping[str, tuple[float, float]] = {
    "axis_offset_mm": (-100.0, 100.0),
    "axis_wobble_mm": (0.0, 10.0),
    "axis_tilt_deg": (-10.0, 10.0),
    "translation_jitter_mm": (0.0, 10.0),
    "beam_drift_mm": (-10.0, 10.0),
    "sample_shift_mm": (0.0, 10.0),
    "flux_decay": (0.0, 0.9),
    "refill_s": (1e-3, 1e7),
    "lost_frames": (0.0, 0.5),
    "channel_gain": (0.0, 0.5),
    "translation_gain": (0.0, 0.5),
    "channel_drift": (0.0, 0.5),
    "flat_field": (0.0, 0.5),
    "dead_pixels": (0.0, 0.5),
    "hot_pixels": (0.0, 0.1),
    "hot_pixel_counts_per_s": (0.0, 1e9),
    "monitor_noise": (0.0, 0.5),
    "sensor_parallax": (0.0, 1.0),
    "q_blur": (0.0, 2.0),
    "energy_error": (-0.1, 0.1),
    "distance_error_mm": (-50.0, 50.0),
    "zingers": (0.0, 0.1),
    "zinger_counts": (0.0, 1e9),
    "lithiation_during_scan": (0.0, 1.0),
}

#: a size of each fault that is common at a beamline, for trying what it does
COMMON: Mapping[str, float] = {
    "axis_offset_mm": 0.030,
    "axis_wobble_mm": 0.010,
    "axis_tilt_deg": 0.2,
    "translation_jitter_mm": 0.010,
    "beam_drift_mm": 0.030,
    "sample_shift_mm": 0.030,
    "flux_decay": 0.05,
    "lost_frames": 0.002,
    "channel_gain": 0.003,
    "translation_gain": 0.003,
    "channel_drift": 0.0005,
    "flat_field": 0.02,
    "dead_pixels": 1e-3,
    "hot_pixels": 1e-4,
    "monitor_noise": 1e-4,
    "sensor_parallax": 1.0,
    "q_blur": 0.05,
    "energy_error": 1e-3,
    "distance_error_mm": 0.3,
    "zingers": 1e-5,
    "lithiation_during_scan": 0.5,
}


def no_faults() -> Faults:
    """A perfect beamline; what photons do in any sample (:class:`~tsct.simulate.Physics`) goes on."""
    settings = {item.name for item in fields(Faults)} - {"refill_s", "zinger_counts", "hot_pixel_counts_per_s"}
    return Faults(**dict.fromkeys(settings, 0.0))
