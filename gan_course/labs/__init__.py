"""The labs: things to touch in a notebook. The only room that knows ipywidgets.

Each lab keeps its state in Python and can be used without a browser: set a trait, read
``figure_data()``.
"""

import importlib

_HOME = {
    "AttentionMicroscope": "attention_microscope",
    "AttentionProbe": "attention_probe",
    "ConvBench": "conv_bench",
    "CopyCheck": "copy_check",
    "DataDoctor": "data_doctor",
    "Diagnose": "diagnose",
    "DiracOrbit": "dirac_orbit",
    "FadeIn": "fade_in",
    "Flipbook": "flipbook",
    "ForkAndRace": "fork_and_race",
    "FrechetBench": "frechet_bench",
    "GateAndNorm": "gate_and_norm",
    "GenXray": "gen_xray",
    "Glossary": "glossary",
    "GradientLadder": "gradient_ladder",
    "GramShuffle": "gram_shuffle",
    "Lab": "base",
    "LatentPad": "latent_pad",
    "LiveTraining": "live_training",
    "Manifolds": "manifolds",
    "OneByOne": "one_by_one",
    "OneStep": "one_step",
    "PaintOverlap": "paint_overlap",
    "Quiz": "quiz_widget",
    "RealOrFake": "real_or_fake",
    "RunDesk": "run_desk",
    "Sampler": "sampler",
    "ShapeSolver": "shape_solver",
    "SpectralKnob": "spectral_knob",
    "ThereAndBack": "there_and_back",
    "StyleMixer": "style_mixer",
    "TimeMachine": "time_machine",
    "ToyGAN": "toy_gan",
    "TraceBench": "trace_bench",
    "quiz": "quiz_widget",
    "show": "base",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    """Import a lab when it is asked for, so that one lab does not pay for the others."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
