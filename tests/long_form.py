"""Whether this is `make trust`, which takes the long form of a test: more seeds, more cases."""

import os

LONG = os.environ.get("GAN_COURSE_TRUST", "0") not in ("", "0")
SEEDS = range(20 if LONG else 1)  # of random inputs for a checker
