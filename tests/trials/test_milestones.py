"""What lesson 08 shows of a run comes from the run: the right generators, in the right order."""

import json
from itertools import pairwise

import pytest
import torch

from gan_course.data import to_uint8
from gan_course.errors import CourseError
from gan_course.models.weights import load_generator
from gan_course.pretrained.recorded.milestones import load_milestones, milestone_names
from gan_course.training import TrainConfig, Trainer
from gan_course.trials import milestones


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("milestones") / "run"
    config = TrainConfig(
        image_size=16,
        base_channels=2,
        batch_size=256,
        discriminator_steps=3,
        num_epochs=3,
        save_interval=1,
        device="cpu",
        output_dir=str(folder),
    )
    Trainer(config).fit(progress=False)
    return folder


def test_from_a_run_to_a_picture_and_back(run, tmp_path, capsys):
    milestones.main([str(run), "--how", "a moment", "--folder", str(tmp_path)])
    assert "3 moments, up to 4,608 images" in capsys.readouterr().out
    assert milestone_names(tmp_path) == ["digits"]
    found = load_milestones("digits", tmp_path)
    assert found.images_seen == (1536, 3072, 4608)  # 2 steps of 3 × 256 in each epoch
    assert found.rows.shape == (3, 10, 1, 16, 16) and found.how == "a moment"
    z = torch.randn(10, 64, generator=torch.Generator().manual_seed(0))
    for epoch, row in enumerate(found.rows, start=1):
        generator = load_generator(run / "checkpoints" / f"generator_epoch_{epoch}.pth")
        with torch.no_grad():
            assert torch.equal(row, to_uint8(generator(z)))
    assert found.command == (
        "gan-course train --dataset digits --batch-size 256 --base-channels 2 "
        "--discriminator-steps 3"
    )


def test_colours_come_back_as_they_were(tmp_path):
    rows = torch.randint(0, 256, (2, 10, 3, 8, 8), dtype=torch.uint8)
    notes = {"data": "d", "command": "c", "how": "h"}
    milestones.write(tmp_path, "noise", [1, 2], rows, notes)
    assert torch.equal(load_milestones("noise", tmp_path).rows, rows)


def test_moments_lie_evenly_on_a_scale_of_doublings():
    assert milestones.spread_out(list(range(1, 33))) == [1, 2, 4, 8, 16, 32]
    assert milestones.spread_out([5, 10]) == [5, 10]


def test_what_cannot_be_read_is_a_sentence(run, tmp_path):
    with pytest.raises(CourseError, match="no milestones of 'mars'"):
        load_milestones("mars")
    milestones.main([str(run), "--folder", str(tmp_path)])
    (tmp_path / "milestones_digits.json").write_text(json.dumps({"images_seen": [1]}))
    with pytest.raises(CourseError, match="damaged or incomplete"):
        load_milestones("digits", tmp_path)
    with pytest.raises(CourseError, match=r"last\.safetensors"):
        milestones.gather(tmp_path)


@pytest.mark.parametrize("name", milestone_names())
def test_those_that_ship(name):
    found = load_milestones(name)
    assert list(found.images_seen) == sorted(set(found.images_seen)) and len(found.rows) >= 3
    assert len(found.rows) == len(found.images_seen)
    assert found.command.startswith(f"gan-course train --dataset {name}")
    assert "/" not in found.command and found.how and found.data
    # Pictures of something: the images of the last row differ, and no two rows are the same.
    assert found.rows[-1].float().std(dim=0).mean() > 10
    for one, two in pairwise(found.rows):
        assert not torch.equal(one, two)
