"""A canvas says the same as SVG and as pixels."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from gan_course.labs.drawing import Canvas

SVG = "{http://www.w3.org/2000/svg}"


def test_svg_is_well_formed_and_says_what_it_shows():
    canvas = Canvas(100, 60)
    canvas.rect(5, 5, 20, 10, fill="#FFE08A", stroke="#222222")
    canvas.line([(0, 30), (90, 30)], color="#117733", dash=(9, 3, 2, 3))
    canvas.text(50, 50, 'a < b & "c"')
    root = ET.fromstring(canvas.svg('a card with "quotes" & more'))
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'a card with "quotes" & more'
    assert root.find(f"{SVG}rect").get("fill") == "#FFE08A"
    assert root.find(f"{SVG}polyline").get("stroke-dasharray") == "9 3 2 3"
    assert root.find(f"{SVG}text").text == 'a < b & "c"'


@pytest.mark.parametrize("scale", [1, 2])
def test_shapes_land_where_they_were_put(scale):
    canvas = Canvas(100, 60)
    canvas.rect(5, 5, 20, 10, fill="#FFE08A")
    pixels = np.asarray(canvas.image(scale))
    assert pixels.shape == (60 * scale, 100 * scale, 3)
    yellow = (pixels == (0xFF, 0xE0, 0x8A)).all(axis=2)
    rows, columns = np.nonzero(yellow)
    assert rows.min() == columns.min() == 5 * scale
    assert abs(rows.max() - 15 * scale) <= 1 and abs(columns.max() - 25 * scale) <= 1


@pytest.mark.parametrize(
    ("anchor", "side"), [("start", "right"), ("end", "left"), ("middle", "both")]
)
def test_text_stands_on_the_side_that_its_anchor_says(anchor, side):
    canvas = Canvas(200, 40)
    canvas.text(100, 20, "kernel_size=4", anchor=anchor)
    columns = np.nonzero((np.asarray(canvas.image(1)) < 128).all(axis=2).any(axis=0))[0]
    left, right = (columns < 99).any(), (columns > 101).any()
    assert {"right": (False, True), "left": (True, False), "both": (True, True)}[side] == (
        left,
        right,
    )


def dark_runs(pixels):
    """Lengths of the dark stretches in one row of pixels."""
    dark = np.concatenate([[0], (pixels < 200).astype(int), [0]])
    edges = np.flatnonzero(np.diff(dark))
    return list(edges[1::2] - edges[::2])


def test_dash_and_dot_differ_from_dash_and_from_solid():
    def row(dash):
        canvas = Canvas(120, 20)
        canvas.line([(0, 10), (119, 10)], color="#000000", width=2, dash=dash)
        return dark_runs(np.asarray(canvas.image(1))[10, :, 0])

    assert len(row(None)) == 1
    dashes = row((7, 3))
    assert len(dashes) == 12 and max(dashes[:-1]) - min(dashes[:-1]) <= 1
    mixed = row((12, 4, 2, 4))
    assert len(mixed) == 11  # 5 long ones with a dot behind each, and the start of a sixth
    assert min(mixed[0::2][:-1]) > 2 * max(mixed[1::2])  # long, short, long, short


def test_a_dashed_frame_goes_all_the_way_round():
    canvas = Canvas(60, 60)
    corners = [(10, 10), (50, 10), (50, 50), (10, 50), (10, 10)]
    canvas.line(corners, color="#000000", width=2, dash=(3, 4))
    dark = (np.asarray(canvas.image(1)) < 128).all(axis=2)
    for side in (dark[10, 10:50], dark[50, 10:50], dark[10:50, 10], dark[10:50, 50]):
        assert 0.3 < side.mean() < 0.8  # strokes and gaps on every side
