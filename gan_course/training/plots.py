"""Pictures of a run. Imported when one is saved, so that training itself needs no matplotlib."""

from __future__ import annotations

import io

from gan_course import palette


def loss_plot(history: list[dict]) -> bytes:
    """Both losses, and D's two mean probabilities, over the images seen, as a PNG."""
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    images = [row["images_seen"] for row in history]
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)

    left.plot(images, [r["loss_d"] for r in history], color=palette.DISCRIMINATOR, label="D")
    left.plot(images, [r["loss_g"] for r in history], color=palette.GENERATOR, ls="-.", label="G")
    left.set(title="Losses", xlabel="real images seen", ylabel="loss")

    right.plot(images, [r["mean_d_real"] for r in history], color=palette.REAL, label="D(x), real")
    right.plot(
        images,
        [r["mean_d_fake"] for r in history],
        color=palette.FAKE,
        ls="--",
        label="D(G(z)), fake",
    )
    right.axhline(0.5, color="0.5", lw=0.8, ls=":")
    right.set(title="What D thinks", xlabel="real images seen", ylabel="mean probability")
    right.set_ylim(0, 1)

    for axis in (left, right):
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, format="png")
    return buffer.getvalue()
