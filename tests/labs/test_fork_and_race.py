"""One game, forked: nothing differs but the change; the picture follows; nothing ever blocks."""

import asyncio
import contextlib
import io
import time

import numpy as np
import pytest
import torch
from event_loop import run_alone

from gan_course import palette
from gan_course.errors import CourseError
from gan_course.labs import ForkAndRace
from gan_course.labs import fork_and_race_luck as luck
from gan_course.labs import fork_and_race_picture as picture
from gan_course.labs import fork_and_race_words as words
from gan_course.labs.drawing import font_of_size
from gan_course.labs.fork_and_race import MENU
from gan_course.labs.small_charts import GHOST_DASH, plane
from gan_course.toy import PRESETS, ToyConfig, ToyGame, measure
from gan_course.toy.distributions import LIMIT

CHANGES = {label: change for label, change in MENU.items() if change}


def small(**traits):
    """A lab that forks early: the same work, sooner."""
    return ForkAndRace(**{"fork_step": 50} | traits)


def find(widget, description):
    if getattr(widget, "description", None) == description:
        return widget
    for child in getattr(widget, "children", ()):
        found = find(child, description)
        if found is not None:
            return found
    return None


def flat(value):
    """All tensors and numbers in a nest of dicts and lists, in order."""
    if isinstance(value, dict):
        return [part for key in value for part in flat(value[key])]
    if isinstance(value, list | tuple):
        return [part for one in value for part in flat(one)]
    return [value]


def state(game):
    """All that decides how a game goes on, but for its choices."""
    found = game.snapshot()
    memory = [found.optimizer_g["state"], found.optimizer_d["state"]]
    parts = [found.generator, found.discriminator, *memory]
    return flat([*parts, found.dice, found.steps_done, found.updates_skipped])


def same(one, two):
    one, two = state(one), state(two)
    assert len(one) == len(two) > 40
    return all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        for a, b in zip(one, two, strict=True)
    )


def weights(game):
    networks = (game.generator, game.discriminator)
    return torch.cat([p.detach().flatten() for net in networks for p in net.parameters()])


def plain(fork_step=50, seed=0, **changes):
    """The same game by itself: played to the fork, then changed."""
    game = ToyGame(PRESETS["collapse"].config.replace(seed=seed))
    game.step(fork_step)
    game.change(**changes)
    return game


# ---- the fork ----------------------------------------------------------------------------------


def test_nothing_starts_by_itself():
    async def wait():
        lab = small()
        lab.ui()
        lab._repr_mimebundle_()
        await asyncio.sleep(0.2)
        return lab

    lab = run_alone(wait())
    assert lab.step == lab.race.steps_done == 0 and not lab.playing
    assert lab.luck.progress is None and lab.luck.result is None


def test_the_defaults_are_those_of_the_lesson():
    lab = ForkAndRace()
    assert (lab.race.forked_at, lab.seed, lab.asked_steps, lab.change) == (600, 0, 1500, {})
    assert lab.start_config == PRESETS["collapse"].config
    assert lab.race.before[-1][0] == 600


def test_without_a_change_both_stay_equal_bit_for_bit():
    lab = small(change={})
    assert same(lab.race.a, lab.race.b)
    lab.run(260)
    a, b = lab.race.a, lab.race.b
    assert a is not b and a.steps_done == b.steps_done == 310 and same(a, b)
    for name in ("loss_d", "loss_g"):
        assert len(a.history[name]) == 310
        assert a.history[name].tobytes() == b.history[name].tobytes()
    assert lab.figure_data()["apart_now"] == 0 and set(lab.figure_data()["apart"]) == {0.0}
    assert "exactly 0: the same, bit for bit" in lab.alt_text()
    lab.change = {"lr_d": 0.001}  # and the test can fail:
    lab.run(1)
    assert not same(lab.race.a, lab.race.b)


def test_both_are_the_games_that_they_would_be_by_themselves():
    change = {"lr_d": 0.001, "r1_gamma": 0.1}
    lab = small(change=change, seed=3).run(70)
    lab.render(), lab.figure_data(), lab.alt_text()
    for game, theirs in ((lab.race.a, plain(seed=3)), (lab.race.b, plain(seed=3, **change))):
        theirs.step(70)
        assert same(game, theirs)
        for name in ("loss_d", "loss_g"):  # with the steps before the fork
            assert np.array_equal(game.history[name], theirs.history[name])
    assert not same(lab.race.a, lab.race.b)


def test_when_they_part_everything_but_the_choices_is_the_same():
    for change in CHANGES.values():
        if "spectral_norm" in change:
            continue  # it begins with an estimate of its own
        lab = small(change=change)
        assert same(lab.race.a, lab.race.b) and lab.race.b.config != lab.race.a.config


@pytest.mark.parametrize("label", MENU)
def test_every_entry_of_the_menu_works(label):
    change = MENU[label]
    lab = small(change=change)
    assert lab.run(60) is lab and lab.step == 60
    expected = lab.start_config.replace(**change)
    assert lab.race.b.config == expected and lab.race.a.config == lab.start_config
    data = lab.figure_data()
    assert (data["apart_now"] > 0) == bool(change)
    said = "no change" if not change else label
    assert f"B: {said}: " in lab.alt_text() and "A: no change: " in lab.alt_text()
    theirs = plain(**change)
    theirs.step(60)
    assert same(lab.race.b, theirs)
    assert lab.render().width == 2 * picture.WIDTH


def test_the_menu_names_what_it_does():
    before = PRESETS["collapse"].config
    assert (before.lr_g, before.lr_d) == (1e-3, 1e-4)
    assert MENU["nothing"] == {}
    assert MENU["lr_d × 10"] == {"lr_d": pytest.approx(10 * before.lr_d)}
    assert MENU["lr_g ÷ 10"] == {"lr_g": pytest.approx(before.lr_g / 10)}
    assert MENU["lr_d × 10, and R1"] == MENU["lr_d × 10"] | MENU["R1, γ = 0.1"]


def test_a_change_of_ones_own():
    lab = small(change={"k_g": 2, "instance_noise": 0.5}).run(10)
    assert "B: k_g = 2, instance_noise = 0.5" in lab.alt_text()
    lab.ui()
    menu = find(lab.ui(), "B gets")
    assert menu.value == "your own"
    menu.value = "k_d = 10"
    assert lab.change == {"k_d": 10} and lab.step == 0 and "your own" not in menu.options


def test_a_new_change_forks_anew_from_the_same_moment():
    lab = small(revealed=True, luck_revealed=True).run(60)
    lab.change = {"lr_d": 0.001}
    assert lab.step == 0 and same(lab.race.a, lab.race.b) and same(lab.race.a, lab.race.game)
    assert not lab.revealed and not lab.luck_revealed  # another change, another question
    assert list(lab.figure_data()["apart"]) == [0.0]


def test_another_seed_and_another_fork_keep_the_change():
    lab = small(change={"k_d": 2}).run(20)
    lab.seed = 5
    assert (lab.step, lab.race.b.config.k_d, lab.race.b.config.seed) == (0, 2, 5)
    lab.fork_step = 70
    assert lab.race.forked_at == lab.race.a.steps_done == 70 and lab.race.b.config.k_d == 2
    theirs = plain(70, seed=5)
    assert same(lab.race.a, theirs)
    lab.fork_step = 0
    assert same(lab.run(5).race.a, plain(5, seed=5)) and lab.render()


# ---- choices that cannot work ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"colour": 1}, "no 'colour'"),
        ({"lr_d": -1.0}, "lr_d"),
        ({"seed": 4}, "seed cannot change in a running game"),
    ],
)
def test_a_change_that_cannot_work_is_refused_and_taken_back(change, says):
    lab = small(change={"k_d": 2}).run(50)
    with pytest.raises(CourseError, match=says):
        lab.change = change
    assert lab.change == {"k_d": 2} == lab.race.change
    assert lab.step == 50 and lab.race.b.config.k_d == 2
    assert same(lab.run(10).race.a, plain(110))
    with pytest.raises(CourseError, match=says):
        small(change=change)


def test_other_mistakes_are_told():
    with pytest.raises(CourseError, match="no 'colour'"):
        ForkAndRace(colour="red")
    lab = small()
    with pytest.raises(CourseError, match="which='C' must be 'A' or 'B'"):
        lab.fork_again("C")
    with pytest.raises(CourseError, match=r"use run\(n\)"):
        lab.play()
    with pytest.raises(CourseError, match=r"use luck.run\(\)"):
        lab.luck.start()


BREAKS = {"loss": "wasserstein", "optimizer_d": "sgd", "lr_d": 1.0}


def test_when_b_breaks_both_stand_at_the_last_measurement():
    lab = small(change=BREAKS)
    with pytest.raises(CourseError, match="B broke"):
        lab.run(200)
    assert lab.race.a.steps_done == lab.race.b.steps_done == 50 + lab.step
    assert lab.step == lab.race.tape_a.last_step - 50 and same(lab.race.a, plain(50 + lab.step))
    assert lab.race.b.config == lab.start_config.replace(**BREAKS)  # not the one before the fork
    assert "lr_d=1, " in lab.message and f"You see step {lab.step}" in lab.message
    for game in (lab.race.a, lab.race.b):
        assert torch.isfinite(weights(game)).all()
    assert "B broke" in lab.message and "no number any more" in lab.alt_text()
    assert any("⚠ B broke" in text for text in texts(lab)) and lab.render()
    assert np.isfinite(lab.figure_data()["b"]["heat"]).all()
    lab.change = {"lr_d": 0.001}
    assert lab.message == "" and lab.run(60).step == 60


def test_when_it_breaks_while_it_plays_it_stops_and_says_so():
    async def play():
        lab = small(change=BREAKS, revealed=True)
        lab.ui()
        await lab.play()
        return lab

    lab = run_alone(play())
    assert not lab.playing and "B broke" in lab.message and "B broke" in lab._picture.value


def test_luck_of_games_that_break():
    lab = small(change=BREAKS)
    result = lab.luck.run(2, steps=60)
    assert result["holds"] == result["healthy"] == [False, False]
    assert "2 broke" in lab.alt_text() and texts(lab).count("it broke") == 2 and lab.render()


# ---- time ---------------------------------------------------------------------------------------


def test_rewind_and_go_on():
    lab = small(change={"lr_d": 0.001}).run(130)
    assert lab.rewind(70) == 50 == lab.step == lab.race.steps_done
    assert lab.figure_data()["last_step"] == 100
    assert list(lab.figure_data()["a"]["steps"]) == [50, 100]
    b = plain(lr_d=0.001)
    b.step(50)
    assert same(lab.race.a, plain(100)) and same(lab.race.b, b)
    assert lab.rewind(100) == 100  # forth again
    lab.step = 0
    assert lab.race.steps_done == 0 and same(lab.race.a, lab.race.b)
    lab.run(60)
    assert lab.figure_data()["last_step"] == 60
    assert same(lab.race.a, plain(110))
    b.step(10)
    assert same(lab.race.b, b)


def test_after_a_rewind_the_future_is_another_one():
    lab = small().run(150)
    lab.rewind(50)
    lab.run(20)
    assert lab.race.tape_a.steps == lab.race.tape_b.steps == [50, 100]
    assert list(lab.race.apart) == [50, 100]


def test_the_slider_goes_back():
    lab = small(revealed=True).run(150)
    way = find(lab.ui(), "steps since fork")
    assert way.max == way.value == 150
    before = lab._picture.value
    way.value = 60
    assert lab.step == 50 == way.value and lab._picture.value != before and way.max == 150
    find(lab.ui(), "back to the fork").click()
    assert lab.step == 0 and way.value == 0


def test_the_fork_of_a_fork():
    lab = small(change={"lr_d": 0.001}).run(60)
    b = plain(lr_d=0.001)
    b.step(60)
    lab.fork_again("B")
    assert lab.change == {} and lab.step == 0 and lab.race.forked_at == 110
    assert same(lab.race.a, b) and same(lab.race.b, b)
    assert lab.race.a.config.lr_d == 0.001  # it goes on as B was
    assert [row[0] for row in lab.race.before] == [0, 50, 100, 110]
    assert not lab.revealed
    lab.change = {"r1_gamma": 0.1}
    lab.run(30)
    b.step(30)
    assert same(lab.race.a, b) and not same(lab.race.b, b)
    assert (lab.race.b.config.lr_d, lab.race.b.config.r1_gamma) == (0.001, 0.1)
    lab.fork_again("A")
    assert same(lab.race.b, b) and lab.race.b.config.r1_gamma == 0
    assert lab.race.actions == (
        ("step", 50),
        ("change", {"lr_d": 0.001}),
        ("step", 60),
        ("step", 30),
    )


@pytest.mark.parametrize("again", [False, True])
def test_the_code_plays_the_same_race(again):
    lab = small(change={"lr_d": 0.001}, seed=2).run(50)
    if again:
        lab.fork_again("B")
        lab.change = {"k_d": 2}
        lab.run(20)
    scope, said = {}, io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(lab.code(), scope)
    assert same(scope["a"], lab.race.a) and same(scope["b"], lab.race.b)
    assert said.getvalue().startswith("[") and scope["b"].config == lab.race.b.config


# ---- questions ---------------------------------------------------------------------------------


def test_the_race_waits_for_the_guess():
    lab = small(change={"k_d": 2})
    ui = lab.ui()
    assert find(ui, "▶ race").disabled and find(ui, "+ 50 steps").disabled
    assert "1,500 steps after the fork, how many of the 8 modes will B cover?" in lab.alt_text()
    find(ui, "skip").click()
    assert lab.revealed and not find(ui, "▶ race").disabled
    assert lab.predictions == [
        {"question": words.modes_question(lab), "answer": None, "truth": None, "right": False}
    ]
    find(ui, "+ 50 steps").click()
    assert lab.step == 50 and "Guess first" not in " ".join(texts(lab))
    assert find(ui, "Run 12 seeds").disabled  # that has a question of its own


@pytest.mark.parametrize("off", [0, 1, 2])
def test_a_guess_is_judged_when_its_step_comes(monkeypatch, off):
    monkeypatch.setattr(ForkAndRace, "asked_steps", 130)  # between two measurements
    lab = small(change={"lr_d": 0.001})
    theirs = plain(lr_d=0.001)
    theirs.step(130)
    truth = measure(theirs, 1000)["modes_covered"]
    lab.predict_modes(truth + off)
    assert lab.predictions == [] and f"Your guess: B covers {truth + off} modes" in lab.alt_text()
    lab.run(129)
    assert lab.verdict is None
    lab.run(40)  # past it
    [entry] = lab.predictions
    assert entry["answer"] == truth + off and entry["truth"] == truth
    assert entry["right"] == (off == 0) and lab.verdict == entry
    ends = ("is right.", f"it is {truth}, off by one.", f"it is {truth}.")
    assert ends[off] in lab.alt_text()
    lab.rewind(0), lab.run(169)
    assert len(lab.predictions) == 1  # once is enough


def test_after_the_asked_step_there_is_nothing_left_to_guess(monkeypatch):
    monkeypatch.setattr(ForkAndRace, "asked_steps", 60)
    lab = small().run(59)
    assert not lab.revealed
    assert lab.run(1).revealed


# ---- twelve seeds ------------------------------------------------------------------------------


def test_luck_is_the_same_fork_with_other_seeds():
    change = {"lr_d": 0.001, "r1_gamma": 0.1}
    lab = small(change=change).run(20)
    result = lab.luck.run(3, steps=15)
    assert result["seeds"] == [0, 1, 2] and result["change"] == change and result["steps"] == 15
    for i in range(3):
        theirs = plain(seed=i, **change)
        theirs.step(15)
        found = measure(theirs)
        # One batch adds its numbers up in another order than a game by itself.
        assert result["distance"][i] == pytest.approx(found["sliced_wasserstein"], rel=5e-3)
        assert np.abs(result["samples"][i] - theirs.samples(150).numpy()).max() < 0.05
        assert result["holds"][i] == (result["distance"][i] < 0.5)
        assert result["healthy"][i] == (result["modes"][i] >= 7 and result["distance"][i] < 0.25)
    assert lab.step == 20  # the race itself has not moved
    assert luck.RULE_TEXT in lab.alt_text() and luck.HEALTHY_TEXT in lab.alt_text()


def test_luck_after_a_fork_of_a_fork_repeats_all_of_it():
    lab = small(change={"lr_d": 0.001}).run(30)
    lab.fork_again("B")
    lab.change = {"k_d": 3}
    result = lab.luck.run(1, steps=20)
    theirs = plain(lr_d=0.001)
    theirs.step(30), theirs.change(k_d=3), theirs.step(20)
    assert np.abs(result["samples"][0] - theirs.samples(150).numpy()).max() < 0.02


def test_the_verdicts_are_counted_by_the_rules(monkeypatch):
    """Made-up measurements: what stands on the card is what the rules say."""
    distances = iter([0.1, 0.3, 0.49, 0.51, 1.4, 0.2])
    modes = iter([8, 8, 2, 8, 1, 6])

    def fake_measure(game):
        return {"modes_covered": next(modes), "sliced_wasserstein": next(distances)}

    monkeypatch.setattr(luck, "measure", fake_measure)
    lab = small(change={"k_d": 10})
    result = lab.luck.run(6, steps=1)
    assert result["holds"] == [True, True, True, False, False, True]
    assert result["healthy"] == [True] + 5 * [False]
    said = "Is it luck? With k_d = 10: 4 of 6 seeds spread again, 1 healthy"
    assert said in texts(lab) and said in lab.alt_text()
    for text in ("✓ seed 0 ★", "✓ seed 1", "✗ seed 3", "2 modes, 0.49"):
        assert text in texts(lab)
    assert "Modes covered, seed by seed: 8, 8, 2, 8, 1, 6." in lab.alt_text()


def test_a_guess_about_twelve_seeds(monkeypatch):
    monkeypatch.setattr(ForkAndRace, "asked_steps", 5)
    lab = ForkAndRace(fork_step=5, change={"lr_d": 0.001})
    lab.ui()
    lab.predict_luck(12)
    assert lab.predictions == [] and "Your guess: 12 of 12 seeds spread again" in lab.alt_text()
    lab.luck.run(2)
    assert lab.luck_verdict is None  # two are not twelve
    result = lab.luck.run()
    assert lab.luck_verdict["truth"] == sum(result["holds"]) and len(result["holds"]) == 12
    assert lab.predictions == [lab.luck_verdict]
    height = lab.render().height
    lab.change = {}
    assert lab.luck.result is None and lab.render().height < height - 400
    assert not lab.luck_revealed and lab.luck_guess is None


def test_luck_can_be_stopped_and_started_again():
    async def run():
        lab = small(revealed=True, luck_revealed=True)
        ui = lab.ui()
        find(ui, "Run 12 seeds").click()
        while not lab.luck.progress:
            await asyncio.sleep(0.01)
        assert 0 < lab.luck.progress < 0.5 and find(ui, "Run 12 seeds").disabled
        find(ui, "stop").click()
        assert lab.luck.progress is None and "Stopped" in lab.luck.message
        assert not find(ui, "Run 12 seeds").disabled
        first = lab.luck.start(2)
        await asyncio.sleep(0)
        second = lab.luck.start(1)  # only the latest run counts
        lab.change = {"k_d": 2}  # and none of another race
        await asyncio.gather(first, second)
        assert lab.luck.result is None and lab.luck.progress is None
        return lab

    run_alone(run())


def test_luck_on_the_event_loop_is_luck_without_it(monkeypatch):
    monkeypatch.setattr(ForkAndRace, "asked_steps", 20)

    async def run():
        lab = ForkAndRace(fork_step=5, change={"lr_d": 0.001})
        await lab.luck.start(2)
        return lab

    lab = run_alone(run())
    plainly = ForkAndRace(fork_step=5, change={"lr_d": 0.001}).luck.run(2)
    assert lab.luck.result["distance"] == plainly["distance"]
    assert np.array_equal(lab.luck.result["samples"], plainly["samples"])


@pytest.mark.slow
def test_a_faster_d_rescues_and_waiting_does_not():
    """The fault is D's slowness: mend that, and most seeds come back."""
    for change, least, most in (({}, 0, 0), ({"lr_d": 0.001, "r1_gamma": 0.1}, 3, 4)):
        result = ForkAndRace(change=change).luck.run(4)
        assert least <= sum(result["holds"]) <= most


# ---- playing -----------------------------------------------------------------------------------


def test_playing_never_blocks_and_stops_at_once():
    """Processor time, not the clock: the promise holds on a busy machine too."""

    async def play():
        lab = small(change={"k_d": 10}, revealed=True)
        lab.ui()
        task = lab.play()
        assert lab.play() is task  # a second click starts no second player
        await asyncio.sleep(0)
        gaps, last = [], time.process_time()
        while lab.step < 150:
            await asyncio.sleep(0)
            gaps.append(time.process_time() - last)
            last = time.process_time()
        begun, version = time.process_time(), lab._version
        lab.pause()
        await task
        return lab, max(gaps), len(gaps), time.process_time() - begun, lab._version - version

    lab, longest, turns, stopping, frames = run_alone(play())
    print(f"longest gap {1000 * longest:.0f} ms, stopped after {1000 * stopping:.0f} ms")
    assert longest < 0.2 and stopping < 0.2 and turns > 10
    assert frames == 1 and not lab.playing  # only the last picture, and no more steps
    theirs = plain()
    theirs.step(lab.step)
    assert same(lab.race.a, theirs)  # the same game as without playing
    assert f"{lab.step:,} steps later" in lab._picture.value


def test_playing_ends_where_the_question_does(monkeypatch):
    monkeypatch.setattr(ForkAndRace, "asked_steps", 60)

    async def play():
        lab = small(revealed=True)
        lab.predict_modes(8)
        await lab.play()
        assert lab.step == 60 and not lab.playing and lab.verdict is not None
        await lab.play()
        return lab

    assert run_alone(play()).step == 120


def test_a_new_race_can_be_played_at_once():
    async def play():
        lab = small(revealed=True)
        lab.play()
        await asyncio.sleep(0.05)
        lab.change = {"k_d": 2}
        assert not lab.playing and lab.step == 0
        task = lab.play()
        while lab.step < 20:
            await asyncio.sleep(0.01)
        lab.pause()
        await task
        return lab

    lab = run_alone(play())
    assert lab.race.b.config.k_d == 2 and lab.step >= 20


@pytest.mark.slow
def test_it_stands_there_soon():
    ToyGame(ToyConfig(units=4))  # what torch loads when the first optimiser is made
    begun = time.process_time()
    ToyGame(PRESETS["collapse"].config).step(600)
    plain = time.process_time() - begun
    begun = time.process_time()
    ForkAndRace()
    seconds = time.process_time() - begun
    print(f"{seconds:.2f} s of work, {plain:.2f} s of them the 600 steps before the fork")
    assert seconds < 2 * plain + 0.5


# ---- the picture -------------------------------------------------------------------------------


def texts(lab):
    return [shape["text"] for kind, shape in lab.draw(1).shapes if kind == "text"]


def lines(lab, look):
    """The curves drawn in this way, but for the legend's short line."""
    found = [
        shape["points"]
        for kind, shape in lab.draw(1).shapes
        if kind == "line" and {key: shape[key] for key in look} == look
    ]
    return found[1:]


def planes(lab):
    """The pixels of A's and of B's plane."""
    shapes = [shape for kind, shape in lab.draw(2).shapes if kind == "picture"]
    assert shapes[0]["x"] < shapes[1]["x"]
    return [shape["pixels"].astype(int) for shape in shapes[:2]]


def where(points, side):
    """From places in the plane to rows and columns."""
    x, y = (points[:, 0] + LIMIT) / (2 * LIMIT), (LIMIT - points[:, 1]) / (2 * LIMIT)
    return np.round(np.stack([y, x], axis=1) * side).astype(int)


def rgb(color):
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])


def drawn(pixels, points):
    """Which of the points (N, 2) well inside the plane have a pixel in the colour of fakes close
    by, and which pixels of that colour have a point close by."""
    row, column = np.nonzero(np.abs(pixels - rgb(palette.FAKE)).sum(axis=2) < 30)
    inside = (np.abs(points) < 0.95 * LIMIT).all(axis=1)
    places = where(points, len(pixels))
    assert inside.sum() > 50 and len(row) > 200
    gaps = np.hypot(places[:, :1] - row, places[:, 1:] - column)
    return (gaps[inside].min(axis=1) < 5).mean(), (gaps.min(axis=0) < 9).mean()


def test_the_points_are_drawn_where_they_are():
    lab = small(change={"lr_d": 0.01}).run(150)
    data = lab.figure_data()
    fakes = [data[name]["points_fake"] for name in "ab"]
    a, b = planes(lab)
    assert min(drawn(a, fakes[0])) > 0.97 and min(drawn(b, fakes[1])) > 0.97
    assert min(drawn(a, fakes[1])) < 0.8 and min(drawn(b, fakes[0])) < 0.8  # not the other game's
    places = where(data["points_real"], len(a))
    blue = np.abs(a[places[:, 0], places[:, 1]] - rgb(palette.REAL)).sum(axis=1) < 60
    assert blue.mean() > 0.5  # rims of neighbours cover some
    assert np.array_equal(fakes[1], lab.race.b.fixed_samples[:250].numpy())


def test_the_ground_is_what_d_says():
    lab = small(change={"lr_d": 0.01}).run(150)
    for pixels, game, other in zip(
        planes(lab), (lab.race.a, lab.race.b), (lab.race.b, lab.race.a), strict=True
    ):
        assert agreement(pixels, game) > 0.92 > 0.8 > agreement(pixels, other)


def agreement(pixels, game):
    """On how much of the plane, where D has an opinion, the ground has its colour."""
    side = len(pixels)
    centre = (torch.arange(side) + 0.5) * (2 * LIMIT / side) - LIMIT
    y, x = torch.meshgrid(centre.flip(0), centre, indexing="ij")
    logits = game.logits(torch.stack([x, y], dim=-1).reshape(-1, 2)).reshape(side, side)
    blue = torch.from_numpy(pixels[..., 2] - pixels[..., 0])  # real is blue, fake is orange
    clear = logits.abs() > 0.3
    assert clear.sum() > 10_000
    return (blue.sign() == logits.sign())[clear].float().mean()


@pytest.mark.parametrize("logits", [np.full((60, 60), 2.0), np.full((60, 60), np.inf)])
def test_a_plane_without_a_dividing_line(logits):
    points = np.array([[0.0, 0.0], [np.nan, 1e30]])
    pixels = plane(points, points[:0], np.ones((60, 60)), logits, 0.0, 100, 1)
    assert pixels.shape == (100, 100, 3) and pixels[20, 20, 2] > pixels[20, 20, 0] + 50


def test_without_a_change_both_planes_are_the_same_picture():
    one, two = planes(small().run(60))
    assert np.array_equal(one, two)


def test_the_curves_are_the_numbers():
    lab = small(change={"lr_d": 0.01, "r1_gamma": 0.1}).run(320)
    data = lab.figure_data()
    modes_a, distance_a = lines(lab, picture.LINE_A)
    before, modes_b, before_2, distance_b, apart = lines(lab, picture.LINE_B)
    width, last = picture.CHART_WIDTH, 50 + 1500
    for drawn, name, field in (
        (modes_a, "a", "modes"),
        (modes_b, "b", "modes"),
        (distance_a, "a", "distances"),
        (distance_b, "b", "distances"),
        (before, "before", "modes"),
        (before_2, "before", "distances"),
    ):
        x, y = np.array(drawn).T
        assert np.allclose(x, picture.CHART_LEFT + width * data[name]["steps"] / last)
        assert np.allclose(y[0] - y, (data[name][field] - data[name][field][0]) * slope(lab, field))
    x, y = np.array(apart).T
    assert np.allclose(y[0] - y, data["apart"] * slope(lab, "apart")) and data["apart"][-1] > 0
    assert list(data["a"]["steps"]) == [50, 100, 150, 200, 250, 300, 350, 370]
    assert len(data["apart"]) == 8


def slope(lab, field):
    """Pixels for each unit of a chart, read off its printed ends."""
    i = ["modes", "distances", "apart"].index(field)
    top = 80 + i * (picture.CHART_HEIGHT + 50)
    [high] = [
        float(shape["text"])
        for kind, shape in lab.draw(1).shapes
        if kind == "text" and shape["anchor"] == "end" and shape["y"] == top
    ]
    return picture.CHART_HEIGHT / high


def test_the_printed_numbers_are_those_of_measure():
    lab = small(change={"lr_d": 0.001}).run(40)
    for name, game in (("a", lab.race.a), ("b", lab.race.b)):
        found, data = measure(game, 1000), lab.figure_data()[name]
        assert data["modes_now"] == found["modes_covered"]
        assert data["distance"] == pytest.approx(found["sliced_wasserstein"], rel=1e-4)
        said = f"{found['modes_covered']} of 8 modes"
        assert any(text.startswith(said) for text in texts(lab))
    apart = (weights(lab.race.a) - weights(lab.race.b)).double().norm().item()
    assert lab.figure_data()["apart_now"] == pytest.approx(apart, rel=1e-6)
    assert f"now {apart:.2f}" in texts(lab)


def test_the_guess_stays_as_a_ghost():
    lab = small(change={"k_d": 2})
    assert not dotted(lab)
    lab.predict_modes(6)
    [(start, end)] = dotted(lab)
    assert start[1] == end[1] == pytest.approx(80 + picture.CHART_HEIGHT * 2 / 8)
    assert end[0] == picture.CHART_LEFT + picture.CHART_WIDTH
    lab.run(60)
    assert len(dotted(lab)) == 1


def dotted(lab):
    return [
        shape["points"]
        for kind, shape in lab.draw(1).shapes
        if kind == "line" and shape["color"] == palette.PREDICTION and shape["dash"] == GHOST_DASH
    ]


def test_nothing_is_drawn_beyond_the_card_and_no_text_on_another():
    lab = small(change={"lr_d": 0.001, "r1_gamma": 0.1, "skip_d_when_winning": 0.9}, seed=1)
    lab.predict_modes(3), lab.run(60), lab.luck.run(7, steps=1)
    canvas = lab.draw(1)
    boxes = []
    for kind, shape in canvas.shapes:
        if kind == "text":
            font = font_of_size(round(10 * shape["size"]), shape["bold"])
            width = font.getlength(shape["text"]) / 10
            left = shape["x"] - {"start": 0, "middle": width / 2, "end": width}[shape["anchor"]]
            boxes.append((left, shape["y"] - shape["size"] / 2, width, shape["size"], shape))
        elif kind in ("rect", "picture"):
            assert shape["x"] >= 0 and shape["x"] + shape["w"] <= canvas.width
            assert shape["y"] >= 0 and shape["y"] + shape["h"] <= canvas.height
    for left, top, width, height, shape in boxes:
        assert left > -2 and left + width < canvas.width + 2, shape["text"]
        assert top > 0 and top + height < canvas.height
    for i, (x, y, w, h, one) in enumerate(boxes):
        for u, v, s, t, two in boxes[:i]:
            apart = x >= u + s or u >= x + w or y >= v + t or v >= y + h
            assert apart, (one["text"], two["text"])


def test_the_still_carries_its_words():
    lab = small(change={"lr_d": 0.001})
    data, metadata = lab._repr_mimebundle_()
    alt = metadata["image/png"]["alt"]
    assert alt == data["text/plain"] == lab.alt_text()
    for part in ("forked at step 50 (seed 0)", "nothing has happened since", "still the same"):
        assert part in alt
    assert metadata["image/png"]["width"] == picture.WIDTH
    assert "aria-label" in lab.live_html() and "pixelated" not in lab.live_html()
