"""Checkpoints that are damaged, foreign or hostile: none runs, is believed, or is changed."""

import json
import shutil

import pytest
import torch
from asking import ask, clear, contents, different, judge, refusal
from safetensors import safe_open
from safetensors.torch import load_file, save, save_file

from gan_course.evaluation.classifier import load_classifier
from gan_course.models.weights import load_generator
from gan_course.training.checkpoint import read_checkpoint

# What must be said of some of them; of all the others, anything that is clear.
SAID = {
    "bomb.pth": "not loaded",
    "plain_pickle.pth": "not loaded",
    "whole_module.pth": "not loaded",
    "zip_bomb.pth": "not a checkpoint",
    "strides.pth": "claims more",
    "giant.pth": "claims more",
    "claims_latent.pth": "claims more",
    "sparse.pth": "claims more",
    "meta.pth": "claims more",
    "nan.pth": "no finite numbers",
    "inf.pth": "no finite numbers",
    "complex.pth": "no finite numbers",
    "discriminator.safetensors": "another architecture",
    "wrong_shape.pth": "another architecture",
    "nothing.pth": "no tensors",
    "empty.pth": "not a checkpoint",
}
NAMES = [
    *("empty.safetensors", "one_byte.pth", "zip_magic_only.pth", "empty_zip.pth"),
    *("cut.safetensors", "cut.pth", "cut_end.safetensors", "cut_end.pth", "longer.safetensors"),
    *("text.pth", "page.safetensors", "pointer.pth", "plain_pickle.safetensors"),
    *("huge_header.safetensors", "negative_header.safetensors", "long_header.safetensors"),
    *("garbage_header.safetensors", "list_header.safetensors", "deep_header.safetensors"),
    *("no_tensors.safetensors", "offsets_outside.safetensors", "shape_overflows.safetensors"),
    *("overlapping.safetensors", "unknown_dtype.safetensors", "picture.png", "picture.pth"),
    *("a_list.pth", "one_tensor.pth", "nested.pth", "number_for_a_name.pth", "legacy.pth"),
    *("no_axes.pth", "text_among.pth", "extra.pth", "no_channels.safetensors"),
]


def test_no_bad_file_is_forgotten(gallery):
    there = {path.name for path in (gallery / "bad").iterdir()}
    assert there == {*NAMES, *SAID, "good.pth", "good.safetensors"}


@pytest.mark.parametrize("name", [*SAID, *NAMES])
def test_generate_refuses(name, gallery, monkeypatch):
    monkeypatch.chdir(gallery)
    before = contents(gallery)
    answer = ask(["generate", "--checkpoint", f"bad/{name}", "--output", "new.png"])
    clear(judge(answer, (name,), code=1))
    assert SAID.get(name, "") in answer.said
    clear(different(before, contents(gallery)))  # so nothing has exploded


@pytest.mark.parametrize("name", [*SAID, *NAMES])
@pytest.mark.parametrize("read", [load_classifier, read_checkpoint], ids=lambda f: f.__name__)
def test_other_readers_refuse(name, read, gallery, monkeypatch):
    monkeypatch.chdir(gallery)
    path = gallery / "bad" / name
    if read is load_classifier and path.suffix != ".safetensors":
        path = f"bad/{name}"  # a name that no classifier has
    sentence, problem = refusal(lambda: read(path))
    assert problem == "" and sentence and str(name) in sentence
    assert not (gallery / "exploded").exists()


@pytest.mark.parametrize("name", ["good.pth", "good.safetensors"])
def test_the_good_ones_beside_them_are_good(name, gallery):
    """So it is the damage that is refused, and not the way in which these files are made."""
    assert load_generator(gallery / "bad" / name).generate(2).isfinite().all()


# ---- a run to go on with ---------------------------------------------------------------------

RESUME = ["train", "--base-channels", "2", "--latent-dim", "4", "--device", "cpu", "--num-epochs"]
RESUME += ["2", "--image-size", "16", "--batch-size", "256", "--output-dir", "run", "--resume"]


def change(folder, how):
    """Write last.safetensors anew after ``how(content, tensors)``."""
    path = folder / "checkpoints" / "last.safetensors"
    with safe_open(path, framework="pt") as file:
        content = json.loads(file.metadata()["gan_course"])
    tensors = load_file(path)
    how(content, tensors)
    path.write_bytes(save(tensors, {"gan_course": json.dumps(content)}))


def put(part, **values):
    return lambda content, tensors: content[part].update(values)


def drop(*names):
    def how(content, tensors):
        for name in names:
            del content[name]

    return how


def without(prefix):
    def how(content, tensors):
        for name in [name for name in tensors if name.startswith(prefix)]:
            del tensors[name]

    return how


def reshaped(content, tensors):
    name = next(n for n in tensors if n.startswith("discriminator."))
    tensors[name] = torch.zeros(3, 3, 3)


CONFIGS = {
    "a later format": lambda content, tensors: content.update(format=2),
    "no format": drop("format"),
    "a format of text": lambda content, tensors: content.update(format="one"),
    "no config": drop("config"),
    "no progress": drop("progress"),
    "a config that is a list": lambda content, tensors: content.update(config=[1]),
    "a choice of a later version": put("config", wings=2),
    "a model of a later version": put("config", model="dragon"),
    "text for a number": put("config", batch_size="many"),
    "a size that is none": put("config", image_size=17),
    "a rate that is no number": put("config", learning_rate="fast"),
    "another seed": put("config", seed=5),
    "a folder for a data set": put("config", dataset="folder:missing"),
    "steps of text": put("progress", step="many"),
    "steps below 0": put("progress", step=-5),
    "endless steps": put("progress", step=float("inf")),
    "other images": put("progress", images=5),
    "a precision that is none": put("progress", precision="float8"),
    "scores of text": lambda content, tensors: content.update(scores="good"),
    "a score of text": lambda content, tensors: content.update(scores=[{"epoch": 1, "score": "a"}]),
    "no generator": without("generator."),
    "no average": without("ema."),
    "no random numbers": without("rng"),
    "no optimizer": without("optimizer_d."),
    "another discriminator": reshaped,
    "optimizer of nobody": lambda content, tensors: tensors.update(
        {"optimizer_g.9999.exp_avg": torch.zeros(1)}
    ),
    "optimizer without a number": lambda content, tensors: tensors.update(
        {"optimizer_g.x.exp_avg": torch.zeros(1)}
    ),
    "random numbers of another kind": lambda content, tensors: tensors.update(rng=torch.zeros(9)),
}


@pytest.mark.parametrize("how", CONFIGS)
def test_a_run_that_cannot_go_on_is_left_as_it_is(how, desk):
    change(desk / "run", CONFIGS[how])
    before = contents(desk)
    answer = ask(RESUME)
    clear(judge(answer, ("run",), code=1))
    clear(different(before, contents(desk)))


FILES = {
    "empty": b"",
    "text": b"these are no weights\n" * 20,
    "cut": None,
    "a generator only": "dcgan.safetensors",
    "a pickle": "bad/plain_pickle.pth",
    "a bomb": "bad/bomb.pth",
}


@pytest.mark.parametrize("kind", FILES)
def test_a_run_whose_state_is_no_state(kind, desk):
    path, content = desk / "run/checkpoints/last.safetensors", FILES[kind]
    whole = path.read_bytes()
    if isinstance(content, str):
        shutil.copy(desk / content, path)
    else:
        path.write_bytes(whole[: len(whole) // 3] if content is None else content)
    before = contents(desk)
    answer = ask(RESUME)
    clear(judge(answer, ("last.safetensors",), code=1))
    clear(different(before, contents(desk)))


GOOD = '{"step": 1, "images_seen": 256, "loss_d": 1.0, "loss_g": 1.0, "mean_d_real": 0.5, '
GOOD += '"mean_d_fake": 0.5}\n'
HISTORIES = {
    "half a line": '{"step": 1, "epo',
    "a list": "[1, 2]\n",
    "a number": "7\n",
    "null": "null\n",
    "text": "hello\n",
    "not UTF-8": b"\xff\xfe\n",
    "zeros": b"\0" * 50,
    "deep": "[" * 100_000,
    "no step": '{"epoch": 1}\n',
    "another program's": '{"step": 1, "loss": 3.5}\n',
    "a step of text": GOOD.replace('"step": 1', '"step": "one"'),
    "a loss of text": GOOD.replace('"loss_g": 1.0', '"loss_g": "low"'),
    "a loss of null": GOOD.replace('"loss_g": 1.0', '"loss_g": null'),
    "a range of one": GOOD.replace("}", ', "range_real": [1]}'),
    "a range of text": GOOD.replace("}", ', "range_fake": ["a", "b"]}'),
    "a good line, then none": GOOD + "{}\n",
}


@pytest.mark.parametrize("kind", HISTORIES)
@pytest.mark.parametrize("command", [RESUME, ["doctor", "run"]], ids=lambda c: c[0])
def test_a_history_that_cannot_be_read(kind, command, desk):
    content = HISTORIES[kind]
    path = desk / "run/history.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = contents(desk)
    answer = ask(command)
    clear(judge(answer, ("history.jsonl",), code=1))
    clear(different(before, contents(desk)))


def test_a_history_that_is_a_folder(desk):
    (desk / "run/history.jsonl").unlink()
    (desk / "run/history.jsonl").mkdir()
    for command in (RESUME, ["doctor", "run"]):
        before = contents(desk)
        clear(judge(ask(command), ("history.jsonl",), code=1))
        clear(different(before, contents(desk)))


def test_a_shown_checkpoint_of_another_program_says_so(tmp_path):
    save_file({"a": torch.zeros(3)}, tmp_path / "x.safetensors", {"format": "pt"})
    sentence, problem = refusal(lambda: read_checkpoint(tmp_path / "x.safetensors"))
    assert problem == "" and "not the state of a run" in sentence
