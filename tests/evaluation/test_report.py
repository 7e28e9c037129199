"""Features by name, the report, the command, the tracked metric."""

import json
import sys

import pytest
import torch

from gan_course import cli
from gan_course.data import load_images
from gan_course.errors import CourseError
from gan_course.evaluation import evaluate, load_extractor, tracked_metric
from gan_course.evaluation.classifier import judge, load_classifier
from gan_course.evaluation.features import default_features, to_size
from gan_course.evaluation.report import draw_fakes
from gan_course.evaluation.train_classifier import accuracy
from gan_course.models import DCGANGenerator
from gan_course.models.weights import save_generator
from gan_course.pretrained import load_pretrained


@pytest.fixture(scope="module")
def digits():
    return load_images("digits")


@pytest.fixture(scope="module")
def report(digits):
    return evaluate(load_pretrained("digits"), digits, num_images=300, name="digits")


def test_the_digits_classifier_is_as_good_as_its_card_says(digits):
    classifier = load_classifier("digits")
    torch.manual_seed(0)
    test = torch.randperm(len(digits))[:359]
    assert accuracy(classifier, digits, test) == 1.0
    assert judge(classifier, digits.take(test)).confident() == pytest.approx(0.989, abs=0.006)


# ---- features ------------------------------------------------------------------------------------


def test_grey_features_of_colour_images_are_those_of_each_channel():
    extract = load_extractor("digits")
    images = torch.rand(4, 3, 32, 32) * 2 - 1
    found = extract(images)
    assert found.shape == (4, 192)
    torch.testing.assert_close(found[:, 64:128], extract(images[:, 1:2]))


def test_both_sides_are_rounded_and_brought_to_size():
    images = torch.rand(2, 1, 64, 64) * 2.2 - 1.1
    prepared = to_size(images, 32)
    assert prepared.shape == (2, 1, 32, 32) and prepared.abs().max() <= 1
    levels = (to_size(images[:, :, :32, :32], 32) + 1) * 127.5
    torch.testing.assert_close(levels, levels.round(), atol=1e-4, rtol=0)
    assert load_extractor("digits")(images).shape == (2, 64)


def test_train_mode_is_refused():
    extract = load_extractor("digits")
    extract.network.train()
    with pytest.raises(CourseError, match="train mode"):
        extract(torch.zeros(2, 1, 32, 32))


def test_what_is_missing_is_said(monkeypatch):
    with pytest.raises(CourseError, match=r"no features called 'cats'.*digits, mnist"):
        load_extractor("cats")
    with pytest.raises(CourseError, match=r"images must have shape"):
        load_extractor("digits")(torch.zeros(2, 32, 32))
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(CourseError, match=r"torch-fidelity.*gan-course\[inception\]"):
        load_extractor("inception")
    assert default_features("stacked-digits") == "digits"
    assert default_features("cifar10") == "photographs"
    assert default_features("folder:/home/me/leaves") == "photographs"  # in colour, always
    with pytest.raises(CourseError, match="train_classifier --dataset celeba"):
        default_features("celeba")


def test_inception_without_weights_says_so(monkeypatch):
    class NoWeights:
        def __init__(self, *arguments):
            raise OSError("no network")

    module = type(sys)("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = NoWeights
    monkeypatch.setitem(sys.modules, "torch_fidelity", type(sys)("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(CourseError, match=r"91 MB.*could not be fetched"):
        load_extractor("inception")


# ---- the report ----------------------------------------------------------------------------------


def test_the_sentence_for_a_card_holds_the_tables_numbers(report):
    said = report.sentence()
    for name in ("frechet", "frechet_real_halves", "precision", "recall"):
        assert f"{report[name]:.4g}" in said
    assert "features `digits`" in said and f"{report['near_copies']:.1%} of" in said


def test_every_number_has_a_protocol(report):
    names = [m.name for m in report.measurements]
    assert names == [
        "frechet",
        "frechet_real_halves",
        "kernel",
        "precision",
        "recall",
        "classes_found",
        "classes_off",
        "surer_than_0.9",
        "near_copies",
    ]
    assert all(m.protocol for m in report.measurements)
    for key in ("dataset", "features", "seed", "truncation", "generator_mode", "preparation"):
        assert key in report.protocol
    content = json.loads(report.to_json())
    assert content["measurements"][0]["protocol"] == {"num_real": 300, "num_fake": 300}
    assert all(name in report.table() for name in names)
    assert report["classes_found"] == 10


def test_the_floor_has_as_many_images_as_the_distance(report, digits):
    """A floor of fewer images would be too high: the distance grows as they become fewer."""
    of = {m.name: m.protocol for m in report.measurements}
    assert of["frechet_real_halves"]["real_a"] == of["frechet"]["num_real"] == 300
    assert 0 < report["frechet_real_halves"] < report["frechet"]
    everything = evaluate(load_pretrained("digits"), digits, num_images=10_000)
    of = {m.name: m.protocol for m in everything.measurements}
    assert of["frechet"] == {"num_real": 1797, "num_fake": 1797}
    assert of["frechet_real_halves"]["real_b"] == 898  # no more are left


def test_it_tells_good_from_bad(report, digits):
    torch.manual_seed(0)
    untrained = evaluate(DCGANGenerator(32, 1, 64, 8), digits, num_images=300)
    assert untrained["frechet"] > 5 * report["frechet"]
    assert untrained["kernel"] > report["kernel"]
    assert untrained["precision"] < report["precision"]


def test_a_generator_of_training_images_is_found_out(digits):
    class Copies(torch.nn.Linear):
        def generate(self, count, rng, truncation):
            return digits.take(torch.randint(0, len(digits), (count,), generator=rng))

    found = evaluate(Copies(1, 1), digits, num_images=200)
    assert found["near_copies"] == 1.0 and found["precision"] > 0.9


def test_what_cannot_be_measured_is_a_sentence(digits):
    with pytest.raises(CourseError, match="3 channels, and digits has 1"):
        evaluate(DCGANGenerator(32, 3, 8, 4), digits, num_images=20)
    with pytest.raises(CourseError, match="too few"):
        evaluate(DCGANGenerator(32, 1, 8, 4), digits, num_images=5)


def test_stacked_digits_spell_their_label(digits):
    stacked = load_images("stacked-digits")
    assert stacked.shape == (3, 32, 32) and stacked.num_classes == 1000
    assert stacked.labels.unique().numel() == 1000
    rows = torch.arange(60)
    verdict = judge(load_classifier("digits"), stacked.take(rows).flatten(0, 1)[:, None])
    said = verdict.classes.view(-1, 3) @ torch.tensor([100, 10, 1])
    assert (said == stacked.labels[:60]).float().mean() > 0.95
    found = evaluate(DCGANGenerator(32, 3, 8, 4), stacked, num_images=64)
    assert 1 <= found["modes_found"] <= 64 and found["modes_kl"] > 2


def test_draws_do_not_depend_on_the_mode_and_come_from_the_seed():
    generator = load_pretrained("digits")
    one = draw_fakes(generator, 30, seed=3)
    generator.train()
    assert torch.equal(draw_fakes(generator, 30, seed=3), one) and generator.training
    assert not torch.equal(draw_fakes(generator, 30, seed=4), one)


# ---- a run, and the command ----------------------------------------------------------------------


def test_a_tracked_metric_is_repeatable_and_falls_for_the_better(digits):
    metric = tracked_metric("frechet", digits, num_images=200)
    good = load_pretrained("digits")
    assert metric(good) == metric(good)
    assert metric(good) < metric(DCGANGenerator(32, 1, 64, 8))
    with pytest.raises(CourseError, match="frechet or kernel"):
        tracked_metric("fid", digits)


def test_train_tracks_and_evaluate_writes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("gan_course.evaluation.report.tracked_metric.__defaults__", (None, 64, 0))
    arguments = "--base-channels 4 --batch_size 512 --num_epochs 2 --save-interval 1 --device cpu"
    cli.main(["train", *arguments.split(), "--track", "frechet", "--output-dir", str(tmp_path)])
    assert "generator_best.pth (frechet" in capsys.readouterr().out
    output = tmp_path / "e.json"
    best = tmp_path / "checkpoints" / "generator_best.pth"
    command = ["evaluate", "--checkpoint", str(best), "--num-images", "64", "--output"]
    cli.main([*command, str(output)])
    said = capsys.readouterr().out
    assert "frechet_real_halves" in said and str(output) in said
    assert json.loads(output.read_text())["protocol"]["features"] == "digits"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--num-images", "3"], "num_images must lie in 16"),
        (["--truncation", "-1"], "truncation"),
        (["--output", "e.txt"], "must end in .json"),
        (["--features", "cats"], "no features called 'cats'"),
        (["--dataset", "nothing"], "no data set called"),
    ],
)
def test_mistakes_on_the_command_line(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_generator(DCGANGenerator(32, 1, 8, 4), tmp_path / "g.pth")
    with pytest.raises(SystemExit, match=said):
        cli.main(["evaluate", "--checkpoint", "g.pth", *arguments])
