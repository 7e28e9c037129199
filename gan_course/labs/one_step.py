"""What exactly happens in one iteration? Ten stages, on real tensors."""

from __future__ import annotations

from html import escape
from typing import ClassVar

import ipywidgets as widgets
import torch
from PIL import Image
from traitlets import Bool, Enum, Int

from gan_course.labs import one_step_picture as picture
from gan_course.labs.base import Lab, column, heading, question_html, row, slider
from gan_course.labs.drawing import Canvas
from gan_course.toy.config import LOSS_NAMES
from gan_course.toy.one_step import STAGES, Frame, WatchedStep
from gan_course.toy.step import boundary

ANSWERS = ("D's gradient", "G's gradient", "both", "neither")
LAST = len(STAGES) - 1


class OneStep(Lab):
    """One training iteration of a small GAN in the plane, stopped after each stage.

    Attributes (traits):
        stage: 0 (before) to 10 (G has moved).
        batch_size: 4 to 16 real points, and as many fakes.
        loss: a loss of ``ToyConfig``.
        seed: which game, 0 to 9.
        detach: whether D's half looks at ``fake.detach()``.
        zero_grad: whether old gradients are cleared.
        revealed: False until the question about detach is answered or skipped.
    """

    picture_traits: ClassVar = (
        "stage",
        "batch_size",
        "loss",
        "seed",
        "detach",
        "zero_grad",
        "revealed",
    )
    picture_room: ClassVar = 640
    still_scale: ClassVar = 2
    shows_code: ClassVar = False  # the picture lists the lines

    stage = Int(0, min=0, max=LAST)
    batch_size = Int(8, min=4, max=16)
    loss = Enum(tuple(LOSS_NAMES), "non_saturating")
    seed = Int(0, min=0, max=9)
    detach = Bool(True)
    zero_grad = Bool(True)
    revealed = Bool(False)

    # ---- the numbers --------------------------------------------------------------------------

    @property
    def watched(self) -> WatchedStep:
        """The iteration with the present settings, worked out once."""
        key = (self.loss, self.batch_size, self.seed, self.detach, self.zero_grad)
        if getattr(self, "_key", None) != key:
            self._watched, self._key = WatchedStep(*key), key
        return self._watched

    @property
    def frame(self) -> Frame:
        return self.watched.frames[self.stage]

    def figure_data(self) -> dict:
        """``values``, ``requires_grad``, ``grad_d``, ``grad_g``, ``push``, ``moved_to`` and
        ``fake_logits_before`` of the stage (see ``Frame``); ``lines``: the code with its stages;
        ``surface``: D's logits on a 40x40 grid over [-3, 3]^2, row 0 at the top; ``boundary``:
        the logit where D is undecided."""
        frame = self.frame
        axis = torch.linspace(-picture.REACH, picture.REACH, picture.GRID)
        y, x = torch.meshgrid(axis.flip(0), axis, indexing="ij")
        points = torch.stack([x, y], dim=-1).reshape(-1, 2)
        surface = self.watched.logits_at(self.stage, points)
        return {
            "stage": self.stage,
            "values": frame.values,
            "requires_grad": frame.requires_grad,
            "grad_d": frame.grad_d,
            "grad_g": frame.grad_g,
            "push": frame.push,
            "moved_to": frame.moved_to,
            "fake_logits_before": frame.fake_logits_before,
            "lines": self.watched.code(),
            "surface": surface.reshape(picture.GRID, picture.GRID),
            "boundary": float(self._boundary()),
        }

    def _boundary(self) -> torch.Tensor | float:
        values = self.watched.frames[4].values
        limit = boundary(self.watched.config, values["logits_real"], values["logits_fake"])
        return limit if isinstance(limit, float) else limit.squeeze()

    def code(self) -> str:
        """The whole iteration as it stands in a training loop."""
        return "\n".join(line for _, line in self.watched.code())

    def alt_text(self) -> str:
        return f"Stage {self.stage} of {LAST}, {STAGES[self.stage]}. {self._says()}"

    def _says(self) -> str:
        """What happened in this stage, with its numbers."""
        frame, n = self.frame, self.batch_size
        frames, values = self.watched.frames, frame.values
        if self.stage == 0:
            return "Two networks, 100 steps into their training. Their gradients are left over."
        if self.stage == 1:
            return f"{n} points are drawn from the ring of eight blobs."
        if self.stage == 2:
            return (
                f"{n} times two random numbers. They have no place in the plane: G will give one."
            )
        if self.stage == 3:
            return "G makes a point of each z. fake remembers how it was made."
        if self.stage == 4:
            return f"D gives each point a logit: mean {_means(values)}."
        if self.stage == 5:
            return f"One number for how wrong D is: loss_d = {values['loss_d']:.3f}."
        if self.stage == 6:
            before, now = frames[5].grad_g, frame.grad_g
            reached = "did not move" if before == now else f"went from {before:.2f} to {now:.2f}"
            return f"D's gradient has length {frame.grad_d:.2f}. G's gradient {reached}."
        if self.stage == 7:
            return "D moves, and its surface with it. No point has moved."
        if self.stage == 8:
            change = (values["logits_fake"] - frame.fake_logits_before).mean()
            return (
                f"The new D judges the same fakes, without detach: mean logit {change:+.2f} "
                "against before, "
                + ("so it sees through them better." if change < 0 else "so D's step misled it.")
            )
        if self.stage == 9:
            return (
                f"loss_g = {values['loss_g']:.3f}. The arrows show where it pushes each fake. G's "
                f"gradient has length {frame.grad_g:.2f}; D's grew too, from "
                f"{frames[8].grad_d:.2f} to {frame.grad_d:.2f}, and must be cleared next time."
            )
        return f"G moves: the fakes go {_distance(frame):.3f} far on average, {_angle(frame)}."

    # ---- prediction ---------------------------------------------------------------------------

    def predict_detach(self, answer: str | None) -> None:
        """What changes in D's half if ``.detach()`` is left out? None skips. Opens the switches.

        The truth is worked out from both versions, not written down.
        """
        settings = {"loss": self.loss, "batch_size": self.batch_size, "seed": self.seed}
        with_it = WatchedStep(**settings, detach=True).frames[6]
        without = WatchedStep(**settings, detach=False).frames[6]
        changed = (with_it.grad_d != without.grad_d, with_it.grad_g != without.grad_g)
        truth = {
            (True, False): ANSWERS[0],
            (False, True): ANSWERS[1],
            (True, True): ANSWERS[2],
            (False, False): ANSWERS[3],
        }[changed]
        self.predict("loss_d.backward() without detach: which gradient changes?", answer, truth)
        self.revealed = True

    def _verdict(self) -> str:
        if not self.predictions or self.predictions[-1]["answer"] is None:
            return ""
        last = self.predictions[-1]
        verdict = "right" if last["right"] else f"not so: {last['truth']} changes"
        return f"Your guess: {last['answer']}, {verdict}."

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        lines = [self._says()]
        if self._verdict():
            lines.append(self._verdict())
        return picture.draw(self.figure_data(), STAGES[self.stage], lines)

    def render(self) -> Image.Image:
        return self.draw().image(scale=self.still_scale)

    def live_html(self) -> str:
        return self.draw().svg(escape(self.alt_text()))

    # ---- front --------------------------------------------------------------------------------

    def next(self) -> None:
        """One stage on; at the last one nothing happens."""
        self.stage = min(LAST, self.stage + 1)

    def previous(self) -> None:
        self.stage = max(0, self.stage - 1)

    def controls(self) -> widgets.Widget:
        back = widgets.Button(description="◀ back", layout={"width": "100px"})
        on = widgets.Button(description="next ▶", button_style="primary", layout={"width": "100px"})
        back.on_click(lambda button: self.previous())
        on.on_click(lambda button: self.next())
        loss = widgets.Dropdown(
            options=[(name.replace("_", "-"), name) for name in LOSS_NAMES],
            description="loss",
            style={"description_width": "112px"},
            layout={"width": "330px"},
        )
        widgets.link((self, "loss"), (loss, "value"))
        switches = []
        for trait, label in (("detach", "fake.detach() in D's half"), ("zero_grad", "zero_grad()")):
            box = widgets.Checkbox(description=label, indent=False)
            widgets.link((self, trait), (box, "value"))
            switches.append(box)

        def adjust(change: dict | None = None) -> None:
            back.disabled, on.disabled = self.stage == 0, self.stage == LAST
            for box in switches:
                box.disabled = not self.revealed

        self.observe(adjust, names=["stage", "revealed"])
        adjust()
        return column(
            self._question(),
            row(back, on),
            slider(self, "stage", "stage", min=0, max=LAST),
            heading("The iteration"),
            slider(self, "batch_size", "batch_size", min=4, max=16),
            loss,
            slider(self, "seed", "seed", min=0, max=9),
            heading("What if one forgot"),
            *switches,
        )

    def _question(self) -> widgets.Widget:
        text = widgets.HTML(
            question_html(
                "If D's half looks at <code>fake</code> instead of <code>fake.detach()</code>, "
                "which gradient does <code>loss_d.backward()</code> change?"
            )
        )
        answers = widgets.Dropdown(options=ANSWERS, tooltip="your guess", layout={"width": "150px"})
        ready = widgets.Button(description="show", button_style="primary")
        skip = widgets.Button(description="skip")
        ready.layout.width = skip.layout.width = "80px"
        ready.on_click(lambda button: self.predict_detach(answers.value))
        skip.on_click(lambda button: self.predict_detach(None))
        box = widgets.VBox([text, row(answers, ready, skip, grid_gap="2px 8px")])

        def follow(change: dict | None = None) -> None:
            box.layout.display = "none" if self.revealed else "flex"

        self.observe(follow, names="revealed")
        follow()
        return box


def _means(values: dict[str, torch.Tensor]) -> str:
    real, fake = values["logits_real"].mean(), values["logits_fake"].mean()
    return f"{real:+.2f} for the real ones, {fake:+.2f} for the fakes".replace("-", "−")


def _distance(frame: Frame) -> float:
    return float((frame.moved_to - frame.values["fake"]).norm(dim=1).mean())


def _angle(frame: Frame) -> str:
    """How far the real movement is from the push, on average."""
    moved = frame.moved_to - frame.values["fake"]
    cosine = torch.nn.functional.cosine_similarity(moved, frame.push, dim=1, eps=1e-12)
    degrees = torch.rad2deg(torch.acos(cosine.clamp(-1, 1))).mean()
    return f"{degrees:.0f}° off their arrows, for all share G's weights"
