"""What is wrong with this game? Hidden settings, evidence for the asking, and a name to give it."""

from __future__ import annotations

import random
from typing import ClassVar

import ipywidgets as widgets
from PIL import Image
from traitlets import Int

from gan_course.errors import CourseError
from gan_course.labs import diagnose_picture as picture
from gan_course.labs import diagnose_words as words
from gan_course.labs import toy_gan_views as views
from gan_course.labs.base import Lab
from gan_course.labs.diagnose_cases import ANSWERS, CASES, Case
from gan_course.labs.diagnose_controls import controls
from gan_course.labs.diagnose_findings import PIECES, Findings
from gan_course.labs.diagnose_record import FAKES, Record, recorded
from gan_course.labs.diagnose_signs import failing
from gan_course.labs.drawing import Canvas
from gan_course.labs.toy_gan_tape import real_points

MOST_POINTS = 7  # for a case solved by its loss curves alone
WRONG_COSTS = 2


class Diagnose(Lab):
    """Blind cases: you see the evidence you ask for, and name what is wrong, or that nothing is.

    Every case is a toy game of 1,200 steps that was played and recorded beforehand (see
    ``diagnose_record``); its settings stay hidden until the case is closed. No case comes twice
    before all have been seen.

    A case is worth 7 points. Each piece of evidence but the free loss curves costs one of them,
    and each wrong answer two; a solved case is always worth 1.

    Attributes (traits):
        seed: of the order of the cases, 0 to 9999. Setting it begins anew.

    Attributes:
        case_number: 1 for the first case.
        solved: whether this case was named rightly.
        closed: whether it was solved or given up; then everything is on the table.
        verdict: what was said to the last answer, "" before the first.
        results: of each case that was closed, "case", "solved", "pieces", "wrong" and "points".
        score: the points of all cases together.

    Source: the illnesses and their remedies are those of lesson 09.
    """

    picture_room: ClassVar = 640
    still_scale: ClassVar = 2

    seed = Int(0, min=0, max=9999)

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self._begin()
        self.observe(lambda change: self._begin(), names="seed")

    # ---- the cases ----------------------------------------------------------------------------

    def _begin(self) -> None:
        self.case_number = 0
        self.results: list[dict] = []
        self._order: list[str] = []
        self._dice = random.Random(f"cases {self.seed}")
        self._open_next()

    def next_case(self) -> None:
        """Open the next case. One that is not closed yet is left behind, without points."""
        if not self.closed:
            self._close(points=0)
        self._open_next()

    def _open_next(self) -> None:
        if not self._order:
            self._order = list(CASES)
            self._dice.shuffle(self._order)
            if self.case_number and self._order[0] == self.case.name:
                self._order.append(self._order.pop(0))  # not the same twice in a row
        self.case: Case = CASES[self._order.pop(0)]
        self.record: Record = recorded(self.case.name)
        self.findings = Findings.of(self.record)
        self.case_number += 1
        self.solved = self.closed = False
        self.verdict = ""
        self._asked = ["losses"]  # in the order of asking; the losses are free
        self._wrong: list[str] = []
        self._changed()

    @property
    def score(self) -> int:
        return sum(result["points"] for result in self.results)

    # ---- evidence and answers -----------------------------------------------------------------

    @property
    def shown(self) -> list[str]:
        """What is on the table, in the order of the picture. All of it once the case is closed."""
        return [piece for piece in PIECES if self.closed or piece in self._asked]

    @property
    def evidence(self) -> dict[str, str]:
        """What is on the table, a sentence for each piece."""
        return {p: words.evidence(p, self.record, self.findings) for p in self.shown}

    def show(self, piece: str) -> str:
        """Ask for a piece of evidence, and get it in words. To ask twice costs nothing.

        Args:
            piece: "losses" (free), "logits", "gradients", "diversity", "samples", "map" or
                "moments".

        Raises:
            CourseError: for a name that is none of these.
        """
        if piece not in PIECES:
            raise CourseError(
                f"there is no evidence called {piece!r}; ask for one of {', '.join(PIECES)}."
            )
        if piece not in self.shown:
            self._asked.append(piece)
            self._changed()
        return self.evidence[piece]

    def answer(self, name: str | None) -> str:
        """Name what is wrong, and hear whether it is so. The right name closes the case.

        Args:
            name: a key of ``ANSWERS``, such as "mode collapse" or "healthy"; None gives up.

        Returns:
            Why not; or the settings, what the doctor says, what helps, and where it is explained.

        Raises:
            CourseError: for a name that is none, or when the case is closed already.
        """
        if name is not None and name not in ANSWERS:
            raise CourseError(f"{name!r} is none of the answers: {', '.join(ANSWERS)}.")
        if self.closed:
            raise CourseError(
                f"case {self.case_number} is closed: it was {self.case.answer!r}. Open another "
                f"one with next_case()."
            )
        if name is not None and name in self._wrong:
            pass  # said before, and it costs nothing again; but more evidence may be shown by now
        elif self.predict(words.question(self), name, self.case.answer):
            self.solved = True
        elif name is not None:
            self._wrong.append(name)
        if name is None or self.solved:
            cost = len(self._asked) - 1 + WRONG_COSTS * len(self._wrong)
            self._close(max(1, MOST_POINTS - cost) if self.solved else 0)
            self.verdict = " ".join(words.end(self))
        else:
            sign = failing(name, self.findings, self.shown)
            is_shown = sign.piece in self.shown
            self.verdict = words.wrong(name, sign, self.findings, is_shown)
        self._changed()
        return self.verdict

    def give_up(self) -> str:
        """See the answer; the case brings no points."""
        return self.answer(None)

    def _close(self, points: int) -> None:
        self.closed = True
        result = {"case": self.case.name, "solved": self.solved, "points": points}
        result |= {"pieces": len(self._asked), "wrong": len(self._wrong)}
        self.results.append(result)

    def _changed(self) -> None:
        self.refresh()
        self._show_state()

    def _show_state(self) -> None:
        """For the front, which puts its own in place of this."""

    # ---- the numbers --------------------------------------------------------------------------

    def figure_data(self) -> dict:
        """The numbers that the picture shows: a key for each piece that is on the table.

        ``losses``: ``steps``, ``loss_d`` and ``loss_g``, (120,). ``logits``: ``steps``, ``real``
        and ``fake``, (40,). ``gradients``: ``steps``, ``d`` and ``g``, (40,). ``diversity``:
        ``steps`` and ``fakes``, (40,). ``samples``: ``real`` and ``fake``, (150, 2). ``map``: D's
        ``logits`` (30, 30), the first row at the top, what they mean as ``heat`` in [0, 1], and the
        logit where D is ``undecided``. ``moments``: ``real`` (150, 2) and ``fake`` (3, 150, 2).
        """
        record, rows = self.record, self.record.rows
        steps = [row.step for row in rows]
        real = real_points(self.case.config.real, FAKES).numpy()
        heat = views.opinion(record.logits, record.undecided, self.case.config.loss)
        known = {
            "losses": {
                "steps": record.loss_steps,
                "loss_d": record.loss_d,
                "loss_g": record.loss_g,
            },
            "logits": {
                "steps": steps,
                "real": [row.logit_real for row in rows],
                "fake": [row.logit_fake for row in rows],
            },
            "gradients": {
                "steps": steps,
                "d": [row.grad_d for row in rows],
                "g": [row.grad_g for row in rows],
            },
            "diversity": {"steps": steps, "fakes": [row.diversity for row in rows]},
            "samples": {"real": real, "fake": record.fakes[-1]},
            "map": {"heat": heat, "logits": record.logits, "undecided": record.undecided},
            "moments": {"real": real, "fake": record.fakes},
        }
        return {piece: known[piece] for piece in self.shown}

    def alt_text(self) -> str:
        return words.alt_text(self)

    def code(self) -> str:
        return words.code(self)

    # ---- the picture --------------------------------------------------------------------------

    def draw(self) -> Canvas:
        data = self.figure_data()
        return picture.draw(data, words.title(self), words.lines(self), self.still_scale)

    def render(self) -> Image.Image:
        return self.draw().image(self.still_scale)

    def live_html(self) -> str:
        return self.draw().svg(self.alt_text())

    # ---- front --------------------------------------------------------------------------------

    def controls(self) -> widgets.Widget:
        return controls(self)
