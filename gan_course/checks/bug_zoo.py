"""Lesson 09, the bug zoo: fourteen bugs that public courses have shipped, one task each.

The order is that of the notebook. Each task wants a diagnosis and a mended line, and looks only at
what the line does: see ``bug_task``.
"""

from __future__ import annotations

from gan_course.checks import bug_zoo_batches, bug_zoo_losses, bug_zoo_networks, bug_zoo_texts
from gan_course.checks.bug_task import LESSON

__all__ = ["LESSON"]

log_of_sigmoid = bug_zoo_losses.log_of_sigmoid
integer_labels = bug_zoo_losses.integer_labels
loss_average = bug_zoo_losses.loss_average
backwards_explanation = bug_zoo_losses.backwards_explanation
data_range = bug_zoo_losses.data_range
init_never_called = bug_zoo_networks.init_never_called
gamma_around_zero = bug_zoo_networks.gamma_around_zero
eps_or_momentum = bug_zoo_batches.eps_or_momentum
batch_mates = bug_zoo_batches.batch_mates
readme_snippet = bug_zoo_texts.readme_snippet
determinism_named = bug_zoo_texts.determinism_named
ci_never_runs = bug_zoo_texts.ci_never_runs
init_after_spectral_norm = bug_zoo_networks.init_after_spectral_norm
attention_axis = bug_zoo_batches.attention_axis
