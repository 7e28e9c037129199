"""What ``Diagnose`` says: the evidence in words, the answers, the case's end, the code."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from gan_course.labs.diagnose_cases import EVERY, STEPS, Case
from gan_course.labs.diagnose_findings import PIECES, Findings, number
from gan_course.labs.diagnose_record import MOMENTS, Record
from gan_course.labs.diagnose_signs import Sign
from gan_course.toy import DISTRIBUTIONS, Distribution, ToyConfig

if TYPE_CHECKING:
    from gan_course.labs.diagnose import Diagnose

# Which of the doctor's names is the same illness.
SAME = {
    "healthy": ("healthy",),
    "mode collapse": ("collapse", "d_lags"),
    "vanishing gradients": ("vanishing", "d_too_strong"),
}
# Why the doctor says something else: (the right answer, the doctor's name).
OTHERWISE = {
    ("oscillation", "collapse"): "The doctor misses it. It sees that D is wrong again and again, "
    "and takes that for a G that jumps between kinds; but there is one kind only, and the fakes "
    "differ as much as they should. It does not know where the cloud was before. R1 is good "
    "advice all the same.",
    ("a rare kind is missing", "healthy"): "The doctor cannot see this one, and says so itself: a "
    "few points in a hundred change none of its means.",
    ("D is held flat", "healthy"): "The doctor cannot see this one. It asks whether the fakes "
    "differ from each other, not whether they lie where the real points lie.",
    ("learning rates too high", "collapse"): "The doctor sees what you see, fakes that are all "
    "alike, and has no name for the cause. Its advice for a collapse, a larger rate for D, does "
    "not help here.",
}
# Where it makes a difference which piece is meant: one of them, or several.
_PLURAL = ("losses", "logits", "gradients", "samples", "moments")


def question(lab: Diagnose) -> str:
    return f"Case {lab.case_number}: what is wrong with this game, if anything?"


def title(lab: Diagnose) -> str:
    """Above the picture."""
    start = f"Case {lab.case_number}"
    if lab.solved:
        return f"{start}, solved: {lab.case.answer}"
    if lab.closed:
        return f"{start}, given up: {lab.case.answer}"
    return f"{start}: a game of {STEPS:,} steps. What is wrong with it, if anything?"


# ---- evidence ---------------------------------------------------------------------------------


def evidence(piece: str, record: Record, f: Findings) -> str:
    """One piece of evidence in a sentence, from its numbers."""
    return _SAID[piece](record, f)


def _losses(record: Record, f: Findings) -> str:
    return (
        f"Losses, later half: D's is {number(f.loss_d)} and trembles by {number(f.shake_d)}; G's "
        f"is {number(f.loss_g)} and trembles by {number(f.shake_g)}."
    )


def _logits(record: Record, f: Findings) -> str:
    return (
        f"D's logits, later half: {number(f.real)} for real points and {number(f.fake)} for fakes; "
        f"D is right {f.accuracy:.0%} of the time."
    )


def _gradients(record: Record, f: Findings) -> str:
    return f"Length of the gradients, later half: D's {number(f.grad_d)}, G's {number(f.grad_g)}."


def _diversity(record: Record, f: Findings) -> str:
    return (
        f"Diversity, later half: the fakes differ from each other {f.diversity:.2f} times as much "
        f"as the real points do (from {f.least:.2f} to {f.most:.2f})."
    )


def _samples(record: Record, f: Findings) -> str:
    said = (
        f"Samples at step {STEPS:,}: they are {f.distance:.2f} from the real points (sliced "
        f"Wasserstein), and a perfect generator comes to {f.perfect:.2f}."
    )
    if len(f.shares) > 1:
        covered = len(f.shares) - len(f.lost)
        said += f" {covered} of {len(f.shares)} blobs {'has' if covered == 1 else 'have'} fakes."
    return said


def _map(record: Record, f: Findings) -> str:
    real = float((record.logits > record.undecided).mean())
    return (
        f"D's map: its logits over the plane reach from {number(record.lowest)} to "
        f"{number(record.highest)}, and {real:.0%} of the plane is on the side of “real”."
    )


def _moments(record: Record, f: Findings) -> str:
    places = ", ".join(f"({x:.1f}, {y:.1f})" for x, y in f.centres).replace("-", "−")
    steps = f"{MOMENTS[0]:,}, {MOMENTS[1]:,} and {MOMENTS[2]:,}"
    return f"At steps {steps} the fakes' centre, seen from that of the real points, is at {places}."


_SAID = {
    "losses": _losses,
    "logits": _logits,
    "gradients": _gradients,
    "diversity": _diversity,
    "samples": _samples,
    "map": _map,
    "moments": _moments,
}


# ---- answers ----------------------------------------------------------------------------------


def wrong(answer: str, sign: Sign, findings: Findings, is_shown: bool) -> str:
    """Why a diagnosis is wrong. What is not on the table is named, and its numbers are not."""
    piece = PIECES[sign.piece]
    speak = "speak" if sign.piece in _PLURAL else "speaks"
    if is_shown:
        return (
            f"Not “{answer}”: {piece} {speak} against it. {_sentence(sign.expects)}; here "
            f"{sign.finds(findings)}."
        )
    return (
        f"Not “{answer}”: {piece}, which you have not asked for, {speak} against it. "
        f"{_sentence(sign.expects)}, and here it is not so."
    )


def _sentence(clause: str) -> str:
    return clause[0].upper() + clause[1:]


def pieces_text(count: int) -> str:
    return f"{count} of {len(PIECES)} pieces of evidence"


def score_line(lab: Diagnose) -> str:
    solved = sum(result["solved"] for result in lab.results)
    points = "1 point" if lab.score == 1 else f"{lab.score} points"
    cases = "case" if solved == 1 else "cases"
    return f"{solved} {cases} solved, {points} so far."


def end(lab: Diagnose) -> list[str]:
    """What is told when the case is closed, a paragraph each."""
    case, record, result = lab.case, lab.record, lab.results[-1]
    if lab.solved:
        count = result["wrong"]
        errors = "no wrong answer" if not count else f"{count} wrong answer{'s' * (count > 1)}"
        worth = "1 point" if result["points"] == 1 else f"{result['points']} points"
        said = [
            f"Right: {case.answer}. Solved with {pieces_text(result['pieces'])} and {errors}: "
            f"{worth}."
        ]
    else:
        said = [f"The answer: {case.answer}. No points for this one."]
    said.append(f"The game: {points(case)}; {settings(case)}. {case.cause}")
    said.append(
        f"The doctor: “{record.doctor.sentence}” ({record.doctor.sure}). {doctor(case, record)}"
    )
    if case.remedy:
        said.append(f"What helps: {case.remedy_text} {mended(record, lab.findings)}")
    said.append(f"Explained in lesson 09, {case.section}.")
    return said


def doctor(case: Case, record: Record) -> str:
    """The doctor's finding compared with the truth."""
    name = record.doctor.name
    if name in SAME.get(case.answer, ()):
        return "It agrees."
    return OTHERWISE[case.answer, name]


def mended(record: Record, findings: Findings) -> str:
    """What became of the same game with the remedy: measured, not promised."""
    said = (
        f"Played with it, this game ends {record.mended:.2f} from the real points in place of "
        f"{record.distance:.2f} (perfect: {record.perfect:.2f})"
    )
    if len(record.shares) > 1:
        total = len(record.shares)
        before = total - len(findings.lost)
        after = sum(share >= 0.2 for share in record.mended_shares)
        said += f", and {after} of {total} blobs have fakes, "
        said += f"where {before} had"
    return said + "."


def points(case: Case) -> str:
    """What the real points are."""
    real = case.config.real
    return DISTRIBUTIONS[real.name][1] if real.name in DISTRIBUTIONS else real.name


def settings(case: Case) -> str:
    """The settings that are not the usual ones."""
    usual = ToyConfig()
    listed = [
        f"{field.name} = {_value(getattr(case.config, field.name))}"
        for field in fields(ToyConfig)
        if field.name not in ("distribution", "seed")
        and getattr(case.config, field.name) != getattr(usual, field.name)
    ]
    return ", ".join(listed) if listed else "the usual settings"


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


# ---- all together -----------------------------------------------------------------------------


def lines(lab: Diagnose) -> list[str]:
    """Below the picture: what the last answer brought, or the case's end."""
    if lab.closed:
        return end(lab)
    said = [lab.verdict] if lab.verdict else []
    hidden = len(PIECES) - len(lab.evidence)
    if hidden:
        said.append("Ask for more evidence, or name the illness. Fewer pieces are worth more.")
    else:
        said.append("All the evidence is on the table: name the illness.")
    return said


def alt_text(lab: Diagnose) -> str:
    """The picture in words: what was shown, and nothing else."""
    said = [title(lab) + ("." if lab.closed else "")]
    said += lab.evidence.values()
    hidden = [name for piece, name in PIECES.items() if piece not in lab.evidence]
    if hidden:
        said.append(f"Not shown: {', '.join(hidden)}.")
    return " ".join([*said, *lines(lab)])


def code(lab: Diagnose) -> str:
    """A program that plays the case again; only once it is closed."""
    if not lab.closed:
        return "# The settings of this game are hidden until you have solved the case."
    case = lab.case
    made = [] if not case.setup else [case.setup]
    imports = ["ToyConfig", "ToyGame", "measure"]
    imports += [name for name in ("Distribution", "make_distribution") if name in case.setup]
    return "\n".join(
        [
            "# A machine that rounds otherwise may play it as if it had another seed.",
            "from gan_course.doctor import diagnose",
            f"from gan_course.toy import {', '.join(sorted(imports, key=_isort))}",
            "from gan_course.toy.checkup import statistics",
            "",
            *made,
            f"game, rows = ToyGame(ToyConfig({_arguments(case)})), []",
            f"while game.steps_done < {STEPS}:",
            f"    game.step({EVERY})",
            "    rows.append(statistics(game))",
            "print(diagnose(rows))",
            'print(measure(game)["sliced_wasserstein"])',
        ]
    )


def _isort(name: str) -> tuple[bool, str]:
    return name[0].islower(), name


def _arguments(case: Case) -> str:
    usual, given = ToyConfig(), []
    for field in fields(ToyConfig):
        value = getattr(case.config, field.name)
        if value != getattr(usual, field.name) or field.name == "seed":
            shown = "real" if isinstance(value, Distribution) else repr(value)
            given.append(f"{field.name}={shown}")
    return ", ".join(given)
