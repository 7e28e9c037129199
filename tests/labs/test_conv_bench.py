"""ConvBench against torch itself, and its picture against its numbers."""

import random
import re
import statistics
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from torch import nn

from gan_course.labs import ConvBench
from gan_course.labs.conv_arithmetic import ConvSettings, example_input, example_kernel
from gan_course.labs.conv_picture import CURSOR, TOUCHED

SVG = "{http://www.w3.org/2000/svg}"


def random_settings(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        yield ConvSettings(
            transposed=rng.random() < 0.5,
            n=rng.randint(1, 16),
            kernel_size=rng.randint(1, 7),
            stride=rng.randint(1, 4),
            padding=rng.randint(0, 4),
            dilation=rng.randint(1, 3),
            output_padding=rng.randint(0, 3),
        )


def layer_of(settings):
    """The layer as torch makes it, with the bench's weight."""
    kind = nn.ConvTranspose2d if settings.transposed else nn.Conv2d
    layer = kind(1, 1, bias=False, **settings.arguments)
    layer.weight.data = example_kernel(settings.kernel_size)
    return layer


def bench_of(settings, **more):
    return ConvBench(
        mode=settings.layer_name,
        n=settings.n,
        kernel_size=settings.kernel_size,
        stride=settings.stride,
        padding=settings.padding,
        dilation=settings.dilation,
        output_padding=settings.output_padding,
        revealed=True,
        **more,
    )


# ---- the numbers, against torch ----------------------------------------------------------------


def test_values_sizes_and_verdicts_are_torchs():
    verdicts = {True: 0, False: 0}
    for settings in random_settings(600, seed=1):
        bench = bench_of(settings)
        data = bench.figure_data()
        try:
            with torch.no_grad():
                expected = layer_of(settings)(example_input(settings.n))[0, 0]
        except RuntimeError as error:
            said = str(error)
            assert data["error"] is not None, settings
            assert data["output"] is data["size"] is data["cell"] is None
            assert settings.torch_error() == said.strip().splitlines()[0]
            assert "cannot work" in bench.alt_text()
        else:
            assert data["error"] is None and settings.torch_error() is None, settings
            assert data["size"] == settings.output_size() == len(expected)
            assert torch.equal(data["output"], expected)
            assert f"a {len(expected)}×{len(expected)} output" in bench.alt_text()
        verdicts[data["error"] is None] += 1
    assert min(verdicts.values()) > 60  # both kinds were really tried


def test_the_cells_that_touch_are_the_nonzeros_of_the_jacobian():
    rng = random.Random(2)
    tried = 0
    for settings in random_settings(500, seed=3):
        if settings.error():
            continue
        tried += 1
        layer = layer_of(settings)
        out, n = settings.output_size(), settings.n

        # gather: the gradient of one output cell is not zero exactly where it reads
        row, column = rng.randrange(out), rng.randrange(out)
        x = example_input(n).requires_grad_()
        layer(x)[0, 0, row, column].backward()
        data = bench_of(settings, view="gather", cursor=row * out + column).figure_data()
        assert data["cell"] == (row, column) and data["outputs"] == {(row, column)}
        assert data["inputs"] == set(map(tuple, x.grad[0, 0].nonzero().tolist())), settings
        # and of the kernel, where a tap took part
        x = torch.ones_like(x)
        layer.zero_grad()
        layer(x)[0, 0, row, column].backward()
        assert data["taps"] == set(map(tuple, layer.weight.grad[0, 0].nonzero().tolist()))

        # scatter: a single 1 in the input comes out exactly where it goes
        row, column = rng.randrange(n), rng.randrange(n)
        x = torch.zeros(1, 1, n, n)
        x[0, 0, row, column] = 1
        with torch.no_grad():
            reached = layer(x)[0, 0].nonzero().tolist()
        data = bench_of(settings, view="scatter", cursor=row * n + column).figure_data()
        assert data["cell"] == (row, column) and data["inputs"] == {(row, column)}
        assert data["outputs"] == set(map(tuple, reached)), settings
    assert tried >= 300


def test_the_formula_ends_in_the_size_and_says_what_is_left_over():
    for settings in random_settings(400, seed=4):
        first, second = settings.formula()
        if settings.error():
            continue
        numbers = re.findall(r"\d+", second.split("(")[0])
        assert int(numbers[-1]) == settings.output_size()
        assert str(settings.n) in first
        if settings.transposed:
            assert settings.unused() == 0
            continue
        # rows that can be cut off the far end of the padded input without changing anything
        x = torch.nn.functional.pad(example_input(settings.n), [settings.padding] * 4)
        bare = nn.Conv2d(1, 1, settings.kernel_size, settings.stride, 0, settings.dilation)
        spare = 0
        while spare + 1 < x.shape[-1]:
            keep = x.shape[-1] - spare - 1
            if keep < settings.dilation * (settings.kernel_size - 1) + 1:
                break
            if bare(x[..., :keep, :keep]).shape != bare(x).shape:
                break
            spare += 1
        assert settings.unused() == spare
        assert ("left over" in second) == (spare > 0)


def test_the_sum_that_is_written_out_is_the_output():
    seen = 0
    for settings in random_settings(300, seed=5):
        if settings.error():
            continue
        bench = bench_of(settings, view="gather", cursor=3)
        [line] = [x for x in bench._lines()[0] if x.startswith("Output")]
        data = bench.figure_data()
        value = int(data["output"][data["cell"]])
        if "…" in line:
            assert len(data["inputs"]) > 9 and line.endswith(f" = {value}".replace("-", "−"))
            continue
        if not data["inputs"]:
            assert value == 0 and "no cell" in line
            continue
        total = line.split(" = ")[1].replace("·", "*").replace("−", "-")
        assert eval(total) == value == int(line.split(" = ")[2].replace("−", "-"))
        assert total.count("*") == len(data["inputs"])
        seen += 1
    assert seen > 50


def test_code_builds_the_layer_with_that_output_size():
    for settings in random_settings(200, seed=6):
        if settings.error():
            continue
        bench = bench_of(settings)
        layer = eval(bench.code(), {"nn": nn})
        assert layer(example_input(settings.n)).shape[-1] == bench.figure_data()["size"]
        fewer = [name for name in ("stride=1", "padding=0", "dilation=1") if name in bench.code()]
        assert not fewer  # defaults are not written


# ---- the picture, against the numbers ----------------------------------------------------------


def panels(bench):
    """The two SVG drawings that the browser gets: input with kernel, output."""
    bench.ui()
    svgs = re.findall(r"<svg.*?</svg>", bench._picture.value, re.S)
    return [ET.fromstring(svg) for svg in svgs]


def numbers(svg):
    texts = [text.text.replace("−", "-") for text in svg.iter(f"{SVG}text")]
    return [int(text) for text in texts if re.fullmatch(r"-?\d+", text)]


def filled(svg, color):
    return sum(rect.get("fill") == color for rect in svg.iter(f"{SVG}rect"))


def framed(svg):
    return sum(rect.get("stroke") == CURSOR for rect in svg.iter(f"{SVG}rect"))


def test_the_drawn_numbers_are_the_numbers():
    outputs = kernels = 0
    for settings in random_settings(80, seed=7):
        bench = bench_of(settings)
        data = bench.figure_data()
        if data["error"]:
            continue
        left, right = panels(bench)
        if data["size"] + 2 * settings.padding > 20:
            continue  # too small to read, so not written
        output, kernel = data["output"].flatten().int().tolist(), data["kernel"].flatten().tolist()
        # A grid whose cells are small is drawn without its numbers: all of them or none.
        assert numbers(right) in ([], output)
        outputs += bool(numbers(right))
        side = settings.n + (2 * settings.padding if bench.mode == "Conv2d" else 0)
        assert len(numbers(left)) in (0, side**2, len(kernel), side**2 + len(kernel))
        if len(numbers(left)) == side**2 + len(kernel):
            assert numbers(left)[-len(kernel) :] == kernel
            kernels += 1
    assert outputs > 20 and kernels > 20


@pytest.mark.parametrize("view", ["gather", "scatter"])
@pytest.mark.parametrize("mode", ["Conv2d", "ConvTranspose2d"])
def test_as_many_cells_are_marked_as_touch(mode, view):
    bench = ConvBench(mode=mode, view=view, n=5, kernel_size=3, padding=0, revealed=True)
    size = bench.figure_data()["size"]
    for cursor in range(0, (size if view == "gather" else 5) ** 2, 3):
        bench.cursor = cursor
        data = bench.figure_data()
        left, right = panels(bench)
        # without padding nothing lies outside, so what is marked is what touches
        assert filled(left, TOUCHED) == len(data["inputs"]) + len(data["taps"])
        assert filled(right, TOUCHED) == len(data["outputs"])
        assert (framed(left), framed(right)) == ((0, 1) if view == "gather" else (1, 0))


def test_padding_under_the_window_is_marked_too():
    bench = ConvBench(revealed=True)  # 4×4 kernel at the corner of an 8×8 input with padding 1
    left, _ = panels(bench)
    assert filled(left, TOUCHED) == 16 + 9 and len(bench.figure_data()["inputs"]) == 9


def test_rows_that_are_never_read_are_struck_out():
    bench = ConvBench(n=9, kernel_size=4, stride=3, padding=0, revealed=True)
    assert bench.settings.unused() == 2

    def dashes(svg):
        return sum(line.get("stroke-dasharray") is not None for line in svg.iter(f"{SVG}polyline"))

    assert dashes(panels(bench)[0]) == 4  # two rows, two columns
    assert "last 2 rows and columns" in bench._picture.value
    bench.stride = 1
    assert dashes(panels(bench)[0]) == 0 and "Struck out" not in bench._picture.value


@pytest.mark.parametrize(
    "change",
    [
        {"n": 7},
        {"kernel_size": 2},
        {"stride": 1},
        {"padding": 0},
        {"dilation": 2},
        {"mode": "ConvTranspose2d"},
        {"view": "scatter"},
        {"cursor": 5},
    ],
    ids=str,
)
def test_both_pictures_follow_every_trait(change):
    bench = ConvBench(revealed=True, n=8)
    bench.ui()
    live, still = bench._picture.value, np.asarray(bench.render())
    for name, value in change.items():
        setattr(bench, name, value)
    assert bench._picture.value != live
    now = np.asarray(bench.render())
    assert now.shape != still.shape or (now != still).any()


def test_output_padding_moves_only_a_transposed_convolution():
    bench = ConvBench(mode="ConvTranspose2d", n=4, revealed=True)
    assert bench.figure_data()["size"] == 8
    bench.output_padding = 1
    assert bench.figure_data()["size"] == 9
    assert "adds the last row and column" in bench.live_html()
    bench.mode = "Conv2d"
    assert "output_padding" not in bench.code() and bench.figure_data()["size"] == 2


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"n": 2, "kernel_size": 7, "padding": 0}, "kernel_size=7"),
        ({"mode": "ConvTranspose2d", "output_padding": 3}, "output_padding=3"),
        (
            {"mode": "ConvTranspose2d", "n": 1, "kernel_size": 1, "stride": 1, "padding": 4},
            "padding=4",
        ),
    ],
)
def test_an_error_is_shown_in_place_with_torchs_words_and_the_number(settings, named):
    bench = ConvBench(revealed=True, **settings)
    _, right = panels(bench)
    shown = " ".join(text.text for text in right.iter(f"{SVG}text"))
    assert "no output" in shown and named in shown
    said = " ".join(bench.settings.torch_error().split())
    assert f"torch says: {said}" in shown
    assert named in bench.alt_text()
    # All of it lies on the card, so nothing is cut off.
    lowest = max(float(text.get("y")) for text in right.iter(f"{SVG}text"))
    assert lowest < float(right.get("viewBox").split()[3]) - 8
    assert np.asarray(bench.render()).std() > 5


def test_the_cursor_survives_an_invalid_setting():
    bench = ConvBench(n=6, kernel_size=2, padding=0, cursor=8, revealed=True)
    bench.ui()
    assert bench.figure_data()["cell"] == (2, 2)
    bench.kernel_size = 7
    assert bench.figure_data()["error"] and bench.cursor == 8
    bench.kernel_size = 2
    assert bench.figure_data()["cell"] == (2, 2)


# ---- predict first -----------------------------------------------------------------------------


def find(widget, description):
    if getattr(widget, "description", None) == description:
        return widget
    for child in getattr(widget, "children", ()):
        found = find(child, description)
        if found is not None:
            return found
    return None


def test_the_size_is_hidden_until_it_is_guessed_and_the_guess_stays():
    bench = ConvBench()
    ui = bench.ui()
    _, right = panels(bench)
    assert numbers(right) == [] and "4×4 output" not in bench._picture.value + bench.alt_text()
    assert "4×4" not in bench._repr_mimebundle_()[0]["text/plain"]
    assert find(ui, "stride").disabled
    find(ui, "cells").value = 5
    find(ui, "show").click()
    assert not find(ui, "stride").disabled
    [entry] = bench.predictions
    assert (entry["answer"], entry["truth"], entry["right"]) == (5, 4, False)
    _, right = panels(bench)
    assert len(numbers(right)) == 16
    dotted = [x for x in right.iter(f"{SVG}polyline") if x.get("stroke-dasharray")]
    assert len(dotted) == 1 and "5×5, not what happens" in bench._picture.value
    bench.stride = 1  # another question: the guess was not about that
    assert "Your guess" not in bench._picture.value
    bench.stride = 2
    assert "Your guess" in bench._picture.value


def test_a_skip_opens_without_a_ghost_and_one_can_guess_again():
    bench = ConvBench()
    find(bench.ui(), "skip").click()
    assert bench.revealed and bench.predictions[0]["answer"] is None
    assert "Your guess" not in bench._picture.value
    find(bench.ui(), "Guess again").click()
    assert not bench.revealed and find(bench.ui(), "stride").disabled
    bench.predict_size(4)
    assert bench.predictions[-1]["right"] and "4×4, right" in bench._picture.value


def test_the_reach_of_an_input_cell_is_asked_for_once():
    bench = ConvBench()
    bench.predict_size(None)
    bench.view, bench.cursor = "scatter", 9
    left, right = panels(bench)
    assert filled(right, TOUCHED) == 0 and framed(left) == 1
    assert "reach?" in bench.alt_text() and find(bench.ui(), "n") is None
    find(bench.ui(), "cells").value = 4
    find(bench.ui(), "show").click()
    assert bench.predictions[-1]["truth"] == len(bench.figure_data()["outputs"]) == 4
    assert bench.predictions[-1]["right"]
    assert filled(panels(bench)[1], TOUCHED) == 4
    assert "it reaches 4, right" in bench._picture.value
    bench.cursor = 10
    assert filled(panels(bench)[1], TOUCHED) > 0  # no second question


def test_the_cursor_slider_ends_at_the_last_cell():
    bench = ConvBench(revealed=True)
    cursor = find(bench.ui(), "chosen cell")
    assert cursor.max == 15  # 4×4 output
    bench.view = "scatter"
    assert cursor.max == 63  # 8×8 input
    cursor.value = 63
    assert bench.cursor == 63
    bench.view = "gather"
    assert bench.cursor == cursor.value == 15


# ---- speed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [{}, {"n": 16, "padding": 4, "kernel_size": 3, "stride": 1}],
    ids=["8×8", "16×16 with padding 4"],
)
def test_a_slider_brings_a_new_picture_in_time(settings):
    """The aim is 16 ms on 2 free cores; this machine may be busy."""
    bench = ConvBench(revealed=True, **settings)
    cursor = find(bench.ui(), "chosen cell")
    seconds = []
    for i in range(50):
        before, start = bench._picture.value, time.perf_counter()
        cursor.value = (i + 1) % 16
        seconds.append(time.perf_counter() - start)
        assert bench._picture.value != before
    print(f"bench: {1000 * statistics.median(seconds):.1f} ms a move")
    assert statistics.median(seconds) < 0.05
