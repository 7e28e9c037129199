"""The colours of the course, chosen to stay apart for colour-blind readers (after Okabe & Ito).

A colour never carries meaning alone: each role has a mark or a line style too, and where two roles
look alike to somebody (``tests/test_accessibility.py`` computes it), these differ.
"""

REAL = "#0072B2"  # blue, filled circle, solid line
FAKE = "#D55E00"  # vermilion, triangle, dashed line
DISCRIMINATOR = "#117733"  # teal, thick solid line
GENERATOR = "#AA4499"  # purple, dash-dotted line
PREDICTION = "#6B6B6B"  # grey, dotted line: what you guessed before you saw
FAKE_TEXT = "#A33F00"  # words about fakes: FAKE itself is too light for letters on white
OPINION = (FAKE, "#FFFFFF", REAL)  # fake, undecided, real: ends and middle of a map of what D says
