"""What looks odd and is right: names with spaces and umlauts, links, files that are replaced."""

import json
import os

import pytest
from asking import ask, clear, contents, different, judge
from PIL import Image

NAMES = ["größe und ähnlich 画像", "a 'quoted' \"name\"", "-dash", "semi;colon $HOME", "x" * 60]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_file_works(name, desk):
    (desk / "dcgan.safetensors").rename(desk / f"{name}.safetensors")
    before = contents(desk)
    weights = f"--checkpoint=./{name}.safetensors"
    clear(judge(ask(["generate", weights, f"--output=new/{name}.png"]), code=0))
    with Image.open(desk / "new" / f"{name}.png") as picture:
        picture.load()
    after = contents(desk)
    clear(different(before, {k: v for k, v in after.items() if not k.startswith("new")}))


def test_a_home_folder_is_understood(desk, monkeypatch):
    monkeypatch.setenv("HOME", str(desk))
    words = ["generate", "--checkpoint=~/dcgan.safetensors", "--output=~/mine.png"]
    clear(judge(ask(words), code=0))
    assert (desk / "mine.png").exists()


def test_an_older_picture_is_replaced_as_the_help_says_and_nothing_else(desk):
    before = contents(desk)
    clear(judge(ask(["generate", "--checkpoint", "r3gan.pth", "--output", "old.png"]), code=0))
    after = contents(desk)
    assert [k for k in after if before.get(k) != after[k]] == ["old.png"]


def test_a_link_to_the_checkpoint_is_not_overwritten(desk):
    os.link(desk / "weights.json", desk / "same.json")
    before = contents(desk)
    answer = ask(["evaluate", "--checkpoint", "weights.json", "--output", "same.json"])
    clear(judge(answer, ("weights.json",), code=1), different(before, contents(desk)))


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_any_device_that_is_there(device, desk):
    words = ["train", "--base-channels", "2", "--latent-dim", "1", "--image-size", "16"]
    words += ["--batch-size", "1024", "--num-epochs", "1", "--output-dir", "new run", "--device"]
    clear(judge(ask([*words, device]), code=0))
    assert json.loads((desk / "new run/history.jsonl").read_text().splitlines()[0])["step"] == 1
