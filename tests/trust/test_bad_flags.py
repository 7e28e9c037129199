"""Every flag of every command with what does not belong there: a sentence, and nothing is lost."""

import pytest
from asking import ask, clear, contents, different, judge

LONG = "x" * 300
NOBODY = "~nobody-of-this-name/x"
SMALL = ["--base-channels", "2", "--latent-dim", "4", "--num-epochs", "1", "--device", "cpu"]
SMALL += ["--image-size", "16", "--batch-size", "256", "--output-dir", "new"]

# flag of train -> values that it must refuse. The answer must name the value, or the flag.
TRAIN = {
    "model": ["gan", "DCGAN", ""],
    "image-size": ["0", "-1", "48", "33", "1000000000", "1.5", "many", "nan", "1e3", ""],
    "batch-size": ["0", "1", "-4", "1.5", "many", "1798", "1000000000000", "9" * 40, "None1"],
    "num-epochs": ["0", "-1", "1.5", "inf", "many", ""],
    "learning-rate": ["0", "-1", "1", "nan", "inf", "1e400", "fast", ""],
    "learning-rate-d": ["0", "-0.1", "7", "nan", "-inf", "slow"],
    "beta1": ["1", "-0.1", "nan", "half"],
    "beta2": ["1", "2", "nan", "inf"],
    "latent-dim": ["0", "-3", "2.5", "1000000000000", "9" * 40],
    "base-channels": ["0", "-1", "wide", "1000000000", "9" * 40],
    "stem": ["cubic", "plain"],
    "spectral-norm": ["maybe", "1", "true"],
    "attention-at": ["8", "-8", "x"],
    "loss": ["hinged", "BCE", ""],
    "r1": ["-1", "nan", "inf", "1", "x"],
    "r2": ["-1", "nan", "inf", "x"],
    "label-smoothing": ["1", "-0.1", "nan", "x"],
    "discriminator-steps": ["0", "-1", "1.5", "1000000000", "9" * 40],
    "augment": ["flip", ""],
    "precision": ["float16", "64", ""],
    "save-interval": ["0", "-1", "often"],
    "track": ["fid", "yes"],
    "device": ["toaster", "cuda:99", "cuda:-1", "", "meta", "CPU", "cuda:" + "9" * 30],
    "output-dir": ["None", "file", "file/below", NOBODY, LONG, "run"],
    "seed": ["-1", str(2**40), "1.5", "9" * 40, "luck"],
    "dataset": [
        *("cats", "DIGITS", "", "folder:", "folder:missing", "folder:file", "folder:empty"),
        *(f"folder:{NOBODY}", f"folder:{LONG}", "folder:pictures/bad", "stacked-cats", "folder"),
    ],
}
TRAIN_CASES = [(flag, value) for flag, values in TRAIN.items() for value in values]

CONDITIONAL = ["--model", "sagan", "--image-size", "32", "--conditional"]
# What contradicts itself: the rest of the command, and what the answer must name.
CONTRADICTIONS = [
    (["--conditional"], "conditional"),
    (["--model", "r3gan", "--conditional"], "conditional"),
    (["--model", "sagan"], "image_size is 16"),
    (["--model", "sagan", "--image-size", "32", "--attention-at", "32"], "attention_at"),
    (["--model", "sagan", "--image-size", "32", "--attention-at", "5"], "attention_at"),
    ([*CONDITIONAL, "--dataset", "celeba"], "celeba"),
    (
        [*CONDITIONAL, "--dataset", "folder:pictures/good", "--batch-size", "4"],
        "no labels",
    ),
    (["--model", "sagan", "--image-size", "32", "--stem", "conv"], "stem"),
    (["--model", "r3gan", "--spectral-norm"], "spectral_norm"),
    (["--model", "r3gan", "--attention-at", "8"], "attention_at"),
    (["--label-smoothing", "0.1", "--loss", "hinge"], "label_smoothing"),
    (["--adaptive-augment"], "adaptive_augment"),
    (["--drop-duplicates"], "drop_duplicates"),
    (["--compile", "--cuda-graph"], "cuda_graph"),
    (["--cuda-graph"], "cuda_graph"),
    (["--resume"], "no run to resume"),
    (["--resume", "--output-dir", "run", "--seed", "4"], "other choices"),
    (["--stepps", "5"], "--stepps"),
    (["and", "more"], "more"),
    (["--seed"], "--seed"),
]

WEIGHTS = ["--checkpoint", "run/checkpoints/generator_final.pth"]
SAGAN = ["--checkpoint", "sagan.safetensors"]
OUTPUTS = ["a folder.png", "x.txt", "", "x", ".png", "file/x.png", f"{LONG}.png", "/dev/null"]
GENERATE = [
    *[([*WEIGHTS, "--num-images", n], n) for n in ["0", "-1", "10001", "1.5", "all", "9" * 40]],
    *[([*WEIGHTS, "--seed", n], n) for n in ["-1", str(2**40), "nan", "9" * 40]],
    *[([*WEIGHTS, "--truncation", n], n) for n in ["-1", "nan", "inf", "x", "101"]],
    *[([*WEIGHTS, "--label", n], n) for n in ["0", "-1", "seven"]],
    *[([*SAGAN, "--label", n], n) for n in ["3", "-1", "9" * 40, "1.5"]],
    *[([*WEIGHTS, "--output", n], n or "--output") for n in OUTPUTS],
    *[
        (["--checkpoint", n], n)
        for n in ["missing.pth", "empty", ".", "/dev/zero", f"{LONG}.pth", f"{NOBODY}.pth"]
    ],
    (["--checkpoint", "pictures/bad/pipe.png"], "pipe.png"),
    (["--checkpoint", "pictures/bad/round.png"], "round.png"),
    ([*WEIGHTS, "--output", "pictures/bad/round.png", "--seed", "-1"], "-1"),
    ([*WEIGHTS, "--output", "bad/good.pth"], "good.pth"),
    (["--checkpoint", "old.png", "--output", "old.png"], "would replace"),
    (["--checkpoint", "old.png", "--output", "./empty/../old.png"], "would replace"),
    ([], "--checkpoint"),
]

FEATURES = ["vgg", "", "missing.safetensors", "dcgan.safetensors", "empty", "old.png"]
FEATURES += ["bad/cut.safetensors", "bad/empty.safetensors", "bad/nan.pth"]
EVALUATE = [
    *[([*WEIGHTS, "--num-images", n], n) for n in ["0", "15", "-1", "1000001", "1.5", "all"]],
    *[([*WEIGHTS, "--seed", n], n) for n in ["-1", str(2**40), "luck"]],
    *[([*WEIGHTS, "--truncation", n], n) for n in ["-1", "nan", "inf", "101"]],
    *[([*WEIGHTS, "--features", n], n or "features") for n in FEATURES],
    *[
        ([*WEIGHTS, "--output", n], n or "--output")
        for n in ["a folder.json", "x.txt", "", "file/x.json", f"{LONG}.json"]
    ],
    *[([*WEIGHTS, "--dataset", n], n) for n in ["cats", "folder:missing", "folder:empty"]],
    ([*WEIGHTS, "--dataset", "folder:pictures/good"], "pictures/good"),
    ([*WEIGHTS, "--dataset", "folder:pictures/good", "--features", "digits"], "channel"),
    (["--checkpoint", "r3gan.pth"], "channel"),
    (["--checkpoint", "weights.json", "--output", "./weights.json"], "weights.json"),
    (["--checkpoint", "missing.pth"], "missing.pth"),
    ([], "--checkpoint"),
]

BOTH = ["--content", "china", "--style", "flower", "--image-size", "32", "--steps", "1"]
STYLIZE = [
    *[([*BOTH, "--image-size", n], n) for n in ["0", "31", "-1", "2049", "1.5", "9" * 40]],
    *[([*BOTH, "--style-size", n], n) for n in ["0", "-7", "9999", "x"]],
    *[([*BOTH, "--steps", n], n) for n in ["0", "-1", "10001", "many", "9" * 40]],
    *[
        ([*BOTH, f"--{name}-weight", n], n)
        for name in ("content", "style", "tv")
        for n in ("-1", "nan", "inf", "x")
    ],
    *[([*BOTH, "--start", n], n or "start") for n in ["middle", ""]],
    *[([*BOTH, "--optimizer", n], n or "optimizer") for n in ["sgd", ""]],
    *[([*BOTH, "--network", n], n or "network") for n in ["vgg16", ""]],
    *[([*BOTH, "--device", n], n or "device") for n in ["toaster", "cuda:3", ""]],
    *[([*BOTH, "--start", "noise", "--seed", n], n) for n in ["9" * 40, "-" + "9" * 40, "x"]],
    *[([*BOTH, "--output", n], n or "--output") for n in OUTPUTS],
    *[
        (["--content", n, "--style", "flower", "--image-size", "32", "--steps", "1"], n)
        for n in ["missing.png", "empty", "old.png", f"{LONG}.png", "/dev/zero", "a folder.png"]
    ],
    (["--content", "", "--style", "flower", "--steps", "1"], "picture"),
    (["--content", "old.png", "--style", "china", "--output", "old.png"], "old.png"),
    (["--content", "china", "--style", "old.png", "--output", "empty/../old.png"], "old.png"),
    (["--content", "china"], "--style"),
]

DOCTOR = [
    (["missing"], "missing"),
    (["empty"], "empty"),
    (["file"], "file"),
    ([""], "history"),
    ([LONG], LONG),
    ([NOBODY], NOBODY),
    (["run", "run"], "run"),
    (["--run", "run"], "--run"),
    (["pictures/bad/round.png"], "round.png"),
]
OTHERS = [
    ("fly", [], "fly"),
    ("TRAIN", [], "TRAIN"),
    ("progress", ["more"], "more"),
    ("progress", ["--all"], "--all"),
    ("doctor", ["--help-me"], "--help-me"),
]

COMMANDS = [
    *[("train", [*SMALL, *words], seen) for words, seen in CONTRADICTIONS],
    *[("generate", words, seen) for words, seen in GENERATE],
    *[("evaluate", words, seen) for words, seen in EVALUATE],
    *[("stylize", words, seen) for words, seen in STYLIZE],
    *[("doctor", words, seen) for words, seen in DOCTOR],
    *OTHERS,
]


def short(value):
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) < 60 else f"{text[:28]}..{text[-28:]}"


def refused(gallery, argv, seen, monkeypatch):
    """All of these stand on one desk: whoever changes anything there is found out."""
    monkeypatch.chdir(gallery)
    monkeypatch.setenv("COLUMNS", "400")  # a line that is not broken can be searched
    before = contents(gallery)
    answer = ask(argv)
    after = contents(gallery)
    new = [name for name in after if name not in before]
    for name in reversed(new):  # the next one shall not stand in this one's dirt
        (gallery / name).rmdir() if (gallery / name).is_dir() else (gallery / name).unlink()
    clear(judge(answer, seen), different(before, after))


@pytest.mark.parametrize(("flag", "value"), TRAIN_CASES, ids=short)
def test_train_refuses(flag, value, gallery, monkeypatch):
    seen = (value, f"--{flag}", flag.replace("-", "_")) if value else (f"--{flag}", flag, "''")
    refused(gallery, ["train", *SMALL, f"--{flag}", value], seen, monkeypatch)


@pytest.mark.parametrize(("command", "words", "seen"), COMMANDS, ids=short)
def test_commands_refuse(command, words, seen, gallery, monkeypatch):
    refused(gallery, [command, *words], (seen,), monkeypatch)
