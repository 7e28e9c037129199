"""The shape arithmetic of convolutions: forwards, backwards, and through a whole model.

``sizes`` computes how large the output of a layer is, ``solver`` finds the layers that lead from
one size to another, and ``tracing`` follows an input through a model. None of it imports torch
before a model is traced.
"""

from gan_course.arithmetic.sizes import (
    ShapeError,
    conv2d_output_size,
    conv_transpose2d_output_size,
)
from gan_course.arithmetic.solver import (
    Layer,
    layers_between,
    overlap_counts,
    sequential_code,
    solve_chain,
)
from gan_course.arithmetic.tracing import ShapeTrace, TraceRow, trace_shapes

__all__ = [
    "Layer",
    "ShapeError",
    "ShapeTrace",
    "TraceRow",
    "conv2d_output_size",
    "conv_transpose2d_output_size",
    "layers_between",
    "overlap_counts",
    "sequential_code",
    "solve_chain",
    "trace_shapes",
]
