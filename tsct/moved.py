"""Modules that moved into sub-packages, by their old names: importing one says where its names are now.

Kept for one release. Nothing is loaded and nothing looked up unless an import fails.
"""

import sys
from collections.abc import Sequence
from types import ModuleType

# what a module is part of now: its old name in the room
OLD_NAMES = {
    "tsct.analyze": "images",
    "tsct.analyze.pdf": "conventions curves peaks ripples strongest_peaks tables",
    "tsct.analyze.phases": "difference hinges maps phase_maps reference series squared templates",
    "tsct.analyze.prepare": "absorbed attenuation corrections joined level repair stripes",
    "tsct.analyze.readers": "foreign frames layouts patterns",
    "tsct.analyze.recipe": "methods",
    "tsct.analyze.tomography": "axis coverage fbp geometry iterative peers projector reconstruct sirt_noise",
    "tsct.apps.cli": "command_analyze command_explore command_export command_frames command_init command_lesson "
    "command_pdf command_plan command_run command_scenarios command_simulate command_structures command_sweep "
    "command_validate console extras gate",
    "tsct.apps.explore": "explore_checks explore_curves explore_export explore_maps explore_page explore_plan "
    "explore_region explore_run explore_server",
    "tsct.apps.lesson": "lesson_figures lesson_model",
    "tsct.apps.library": "build_structure show_structure structure_figure structure_gates structure_portrait",
    "tsct.apps.pattern": "measured_pattern one_pattern pattern_figure",
    "tsct.apps.run": "cluster dask_map estimate experiment export frames ledger scenario_list tiles workers",
    "tsct.apps.studies": "plan scenarios sweep sweep_page",
    "tsct.phantoms.build": "carbon dynamics lithiation molecules network potential silica",
    "tsct.phantoms.structures": "describe structure_files thermal",
    "tsct.records": "places",
    "tsct.records.io": "files frame_files mapping scan_files untrusted",
    "tsct.simulate.beamline": "counts detector faults motion pixels profile",
    "tsct.simulate.beampath": "lines outgoing project rates spectra",
    "tsct.simulate.scattering": "atomic correlations packing pairs reference sines",
    "tsct.validation.checks": "check_crime check_difference check_dpdf_lobes check_errors check_ghost check_image "
    "check_maps check_noise check_noise_free check_null check_onsets check_order check_peaks check_roi check_shift "
    "check_star check_voxel check_wedge measured_power",
    "tsct.validation.evidence": "check intensity recovered recovered_files roi_states roi_truth same_run",
    "tsct.validation.forecast": "dose verify_forecast",
    "tsct.validation.report": "figure_difference figure_errors figure_maps figure_overview figure_pdf "
    "figure_style figure_trends paper plates",
    "tsct.validation.selftest": "calibration calibration_series calibration_tomogram error_rates plain_chain planted",
    "tsct.validation.statistics": "image_quality numbers propagation windows",
}


class MovedModules:
    """The last of the finders: asked only for modules that exist nowhere."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """Raise ImportError where an old name is asked for."""
        room, _, module = name.rpartition(".")
        for place, modules in OLD_NAMES.items():
            if room.startswith("tsct.") and room == ".".join(place.split(".")[:2]) and module in modules.split():
                raise ImportError(f"{name} moved to {place}", name=name)


def tell() -> None:
    """Put the finder behind all others, once."""
    if MovedModules not in sys.meta_path:
        sys.meta_path.append(MovedModules)
