"""The parts of the CUDA graph that a CPU can run, and the whole of it where there is a GPU."""

import contextlib
import dataclasses
from types import SimpleNamespace

import pytest
import torch

from gan_course.errors import CourseError
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.training import cuda_graph
from gan_course.training.cuda_graph import GraphedStep, Snapshot, make_capturable
from gan_course.training.fast_step import make_step
from gan_course.training.step import training_step

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="a CUDA graph needs a GPU")


def players(device="cpu"):
    torch.manual_seed(0)
    models = [
        DCGANGenerator(16, 1, 8, 4).to(device),
        DCGANDiscriminator(16, 1, 4, spectral_norm=True).to(device),
    ]
    choices = {"lr": 0.0002, "betas": (0.5, 0.999), "fused": True}
    return *models, *(torch.optim.Adam(m.parameters(), **choices) for m in models)


def batch(seed, device="cpu"):
    rng = torch.Generator().manual_seed(seed)
    images_real = torch.rand(8, 1, 16, 16, generator=rng) * 2 - 1
    return images_real.to(device), torch.randn(8, 8, generator=rng).to(device)


def everything(generator, discriminator, *optimizers):
    """All numbers that the next step depends on, Adam's as if it had started from zeros."""
    numbers = [*generator.state_dict().values(), *discriminator.state_dict().values()]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                state = optimizer.state.get(parameter, {})
                for name in ("exp_avg", "exp_avg_sq"):
                    numbers.append(state.get(name, torch.zeros_like(parameter)))
                numbers.append(state.get("step", torch.zeros(())))
    return torch.cat([n.detach().flatten().double().cpu() for n in numbers])


@pytest.mark.parametrize("steps_before", [0, 2])
def test_a_snapshot_undoes_the_warm_up_in_place(steps_before):
    """Also when the optimisers have no state yet; training then goes on as if nothing had been."""
    ours, twin = players(), players()
    for seed in range(steps_before):
        training_step(*ours, *batch(seed))
        training_step(*twin, *batch(seed))
    before = everything(*ours)
    snapshot = Snapshot(ours[:2], ours[2:])
    for seed in range(3):
        training_step(*ours, *batch(10 + seed))
    places = [p.data_ptr() for m in ours[:2] for p in m.parameters()]
    states = [s["exp_avg"].data_ptr() for o in ours[2:] for s in o.state.values()]
    assert not torch.equal(everything(*ours), before)
    snapshot.restore()
    assert torch.equal(everything(*ours), before)
    assert places == [p.data_ptr() for m in ours[:2] for p in m.parameters()]
    assert states == [s["exp_avg"].data_ptr() for o in ours[2:] for s in o.state.values()]
    training_step(*ours, *batch(20))
    training_step(*twin, *batch(20))
    assert torch.equal(everything(*ours), everything(*twin))


def test_capturable_adam_keeps_its_numbers_as_tensors_on_the_device():
    *_, optimizer, _ = ours = players()
    training_step(*ours, *batch(0))
    make_capturable(optimizer)
    [group] = optimizer.param_groups
    assert group["capturable"] is True
    assert isinstance(group["lr"], torch.Tensor) and group["lr"].item() == pytest.approx(0.0002)
    for parameter, state in optimizer.state.items():
        assert state["step"].device == parameter.device and state["step"].item() == 1
    make_capturable(optimizer)  # a second time changes nothing
    assert group["lr"].item() == pytest.approx(0.0002)


def test_another_optimiser_is_refused():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    with pytest.raises(CourseError, match="works with Adam, but the optimiser is SGD"):
        make_capturable(optimizer)


class FakeRecorder:
    """Stands in for torch.cuda's graphs on a CPU, to test all that is ours around them.

    As with the real ones, recording leaves every tensor as it was; ``replay`` then does the
    recorded work on what lies in the recorded places by that time, and writes the results there.
    """

    def __init__(self, monkeypatch):
        self.replays = 0
        nothing = contextlib.nullcontext
        stream = SimpleNamespace(wait_stream=lambda other: None)
        monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
        monkeypatch.setattr(torch.cuda, "stream", lambda s: nothing())
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: self)
        monkeypatch.setattr(torch.cuda, "graph", self.recording)

    @contextlib.contextmanager
    def recording(self, graph):
        before = Snapshot(self.step.networks, self.step.optimizers)
        yield
        before.restore()

    def replay(self):
        self.replays += 1
        stats = self.step.step(*self.step.batch)
        for field in dataclasses.fields(stats):
            value = getattr(stats, field.name)
            if isinstance(value, torch.Tensor):
                getattr(self.step.stats, field.name).copy_(value)


def test_around_the_graph_everything_is_as_in_the_eager_step(monkeypatch):
    """Batches copied in, the warm-up undone, statistics that later steps do not overwrite."""
    ours, eager = players(), players()
    training_step(*ours, *batch(9))  # a resumed run: Adam has a state
    training_step(*eager, *batch(9))
    recorder = FakeRecorder(monkeypatch)

    def run(images_real, z):
        return training_step(*ours, images_real, z)

    monkeypatch.setattr(cuda_graph, "make_capturable", lambda optimizer: None)  # GPUs only
    recorder.step = graphed = GraphedStep(run, ours[:2], ours[2:])
    kept = []
    for seed in range(4):
        stats, expected = graphed(*batch(seed)), training_step(*eager, *batch(seed))
        assert torch.equal(stats.images_fake, expected.images_fake)
        kept.append((stats, expected))
    assert recorder.replays == 4
    assert torch.equal(everything(*ours), everything(*eager))
    for stats, expected in kept:
        assert stats.floats() == expected.floats()
        assert torch.equal(stats.logits_real, expected.logits_real)
    images_real, z = batch(0)
    with pytest.raises(CourseError, match=r"shape \(8, 1, 16, 16\), but these have \(4, 1, 16"):
        graphed(images_real[:4], z[:4])


@needs_gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_graph_is_the_eager_step(precision):
    ours, eager = players("cuda"), players("cuda")
    graphed = make_step(*ours, precision=precision, cuda_graph=True)
    plain = make_step(*eager, precision=precision)
    kept = []
    for seed in range(5):
        stats, expected = graphed(*batch(seed, "cuda")), plain(*batch(seed, "cuda"))
        kept.append((stats.loss_g, expected.loss_g))
        torch.testing.assert_close(stats.logits_fake, expected.logits_fake, rtol=1e-3, atol=1e-4)
    for mine, theirs in kept:  # not overwritten by later steps
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(everything(*ours), everything(*eager), rtol=1e-3, atol=1e-3)


@needs_gpu
def test_another_batch_size_is_refused_by_the_graph():
    step = make_step(*players("cuda"), precision="float32", cuda_graph=True)
    images_real, z = batch(0, "cuda")
    step(images_real, z)
    with pytest.raises(CourseError, match="Keep the batch size"):
        step(images_real[:4], z[:4])
