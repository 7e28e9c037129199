"""The loop around the step: data in, images and checkpoints out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from gan_course import doctor
from gan_course.data import default_image_size, load_images
from gan_course.errors import CourseError, typed_path
from gan_course.files import alone_in, stamp
from gan_course.models.weights import save_generator
from gan_course.training import checkpoint
from gan_course.training.augment import AdaptiveAugment, draw_moves
from gan_course.training.checkpoint import save_checkpoint
from gan_course.training.config import TrainConfig
from gan_course.training.device import choose_device
from gan_course.training.distributed import Processes
from gan_course.training.ema import AveragedGenerator
from gan_course.training.fast_step import FastStep, make_step
from gan_course.training.history import history_row, read_history, write_history
from gan_course.training.players import make_networks, make_optimizers
from gan_course.training.step import StepStats
from gan_course.training.stop_button import StopButton

LOG_EVERY = 10  # steps between two lines of history: each line waits for the device
METRIC_SHARE = 0.05  # of a run's time: a metric that takes more is worth a word
SAVE_SECONDS = 600  # an epoch of a large data set can be long: the state is saved this often too


class Trainer:
    """Train a GAN as a ``TrainConfig`` says.

    ``fit`` does it all, with a progress bar. ``steps`` gives the same training one step at a time,
    for a notebook that wants to look on. Started by ``accelerate launch``, ``torchrun`` or
    ``accelerate.notebook_launcher``, several processes share each batch (see ``distributed``).

    Args:
        config: the choices of the run.
        metric: takes the averaged generator and returns a number, the smaller the better, such as
            a distance to the real images. It is asked at each save at an epoch's end, and the
            generator with the smallest number is kept as ``generator_best.pth``; without a metric
            there is no best, as no loss of a GAN says which images are. Make it cheap: training
            waits for it, and ``fit`` says so if that is more than 5% of the time.

    Attributes:
        generator, discriminator: the two networks, on the device.
        averaged: the running average of the generator; samples come from it.
        images: the training images.
        fixed_z: (64, latent_dim), always the same, so that pictures of different moments compare.
        fixed_labels: (64,) in a conditional run, else None. Their grid has a class in each column,
            and one z in each row.
        columns: images in a row of the grid of samples.
        adaptive: how large a share of the images is changed, or None if ``augment`` holds for all.
        history: one dict for each logged step: step, epoch, images_seen, loss_d, loss_g,
            mean_d_real, mean_d_fake, what ``doctor.measure`` takes, with attention gamma_g and
            gamma_d, and with ``adaptive`` its p as augment_p.
        scores: one dict for each time the metric was asked: epoch, images_seen, score.
        seconds_in_metric: what the metric has cost since this trainer was made.
        step, epoch, batch, images_seen: how far training is.
    """

    def __init__(
        self,
        config: TrainConfig | None = None,
        metric: Callable[[nn.Module], float] | None = None,
    ) -> None:
        self.config = config = config or TrainConfig()
        self.metric = metric
        self.folder = None if config.output_dir is None else typed_path(config.output_dir)
        # The checkpoint that this run has written, or goes on from: another one is another run's.
        self._saved = self.folder and stamp(self.checkpoint_path)
        if self.folder is not None and not config.resume:
            checkpoint.refuse_to_overwrite(self.folder)
        self.device = choose_device(config.device)
        self.processes = Processes(self.device)
        if config.image_size is None:
            config.image_size = default_image_size(config.dataset)
            config.check()
        with self.processes.first_on_machine():  # one fetches, the others find it there
            choices = {"drop_duplicates": True} if config.drop_duplicates else {}
            self.images = load_images(
                config.dataset, config.image_size, config.data_root, self.device, **choices
            )
        self.rows = self.processes.rows(config.batch_size, config.discriminator_steps)
        self.images_per_step = config.batch_size * config.discriminator_steps
        self.batches_per_epoch = self.images.batches_per_epoch(self.images_per_step)

        # Everything random below is drawn on the CPU, so that a seed means the same everywhere.
        torch.manual_seed(config.seed)
        self.generator, self.discriminator = make_networks(config, self.images, self.device)
        self.averaged = AveragedGenerator(self.generator)
        self.optimizer_g, self.optimizer_d = make_optimizers(
            config, self.generator, self.discriminator
        )
        self.processes.join(self.generator, self.optimizer_g)
        self.processes.join(self.discriminator, self.optimizer_d)
        self._training_step = self._make_step()
        self._last_batch: tuple[Tensor | None, ...] | None = None
        self.adaptive = AdaptiveAugment() if config.adaptive_augment else None

        self.rng = torch.Generator().manual_seed(config.seed + 1)
        fixed = torch.Generator().manual_seed(config.seed + 2)
        self.fixed_z = torch.randn(64, config.latent_dim, generator=fixed).to(self.device)
        self.fixed_labels: Tensor | None = None
        self.columns = 8
        if config.conditional:
            self.columns = min(64, self.images.num_classes)
            places = torch.arange(64, device=self.device)
            self.fixed_labels = places % self.columns
            self.fixed_z = self.fixed_z[places // self.columns]
        self.step = self.epoch = self.batch = self.images_seen = 0
        self.history: list[dict] = []
        self.scores: list[dict] = []
        self.seconds_in_metric = 0.0
        self._saved_at = time.monotonic()
        if config.resume:
            self._resume()
        if self.folder is not None and self.processes.is_first:
            checkpoint.remove_unfinished_files(self.folder)

    def _make_step(self) -> FastStep:
        """The step (images_real, z, labels, moves) -> StepStats that updates both networks.

        With k steps of D for each of G, the arguments are k batches, one below the other.
        """
        config, precision = self.config, self.config.precision
        if self.processes.count > 1 and (config.cuda_graph or config.compile):
            raise CourseError("compile and cuda_graph work in one process only: leave them out.")
        if self.processes.count > 1 and precision.startswith("auto"):
            precision = "float32"  # each process might choose otherwise
        return make_step(
            self.generator,
            self.discriminator,
            self.optimizer_g,
            self.optimizer_d,
            loss=config.loss,
            label_smoothing=config.label_smoothing,
            discriminator_steps=config.discriminator_steps,
            r1=config.r1,
            r2=config.r2,
            precision=precision,
            compile=config.compile,
            cuda_graph=config.cuda_graph,
        )

    # ---- training -----------------------------------------------------------------------------

    def steps(self) -> Iterator[StepStats]:
        """Train, one step for each ``next``, until ``num_epochs`` are done.

        Saves on the way, if the config has an ``output_dir``. May be left at any step and taken up
        again by a new call: the position is kept in the trainer, not in the iterator.
        """
        config = self.config
        while self.epoch < config.num_epochs:
            for batch in self._batches():
                with self._alone():
                    stats = self._one_step(*batch)
                    self._save_now_and_then()
                yield stats
            self.epoch, self.batch = self.epoch + 1, 0
            if self._last_batch is not None:
                self._training_step.choose_again(*self._last_batch)
            if self.epoch % config.save_interval == 0 or self.epoch == config.num_epochs:
                self.save()

    def _batches(self) -> Iterator[tuple[Tensor, ...]]:
        """The rest of this epoch: (images_real,), in a conditional run (images_real, labels)."""
        where = (self.images_per_step, self.config.seed, self.epoch, self.batch, self.rows)
        if self.config.conditional:
            return self.images.labelled_batches(*where)
        return ((images_real,) for images_real in self.images.batches(*where))

    def _one_step(self, images_real: Tensor, labels: Tensor | None = None) -> StepStats:
        config, number = self.config, self.images_per_step
        images_real = images_real.contiguous(memory_format=torch.channels_last)
        # The z of all processes, of which this one takes its rows: their number changes nothing.
        z = torch.randn(number, config.latent_dim, generator=self.rng)
        moves = self.moves(self.rng)
        self._last_batch = (images_real, self._to_device(z[self.rows]), labels, moves)
        stats = self._training_step(*self._last_batch)
        self.step += 1
        self.batch += 1
        self.images_seen += self.images_per_step
        self.averaged.update(self.generator, self.images_per_step, self.images_seen)
        stats.step, stats.epoch, stats.images_seen = self.step, self.epoch, self.images_seen
        if self.adaptive is not None:
            boundary = doctor.boundary(config.loss, stats.logits_real, stats.logits_fake)
            self.adaptive.look(stats.logits_real, boundary)
            if self.step % LOG_EVERY == 0:
                mean_sign = self.processes.gather(self.adaptive.mean_of_signs()[None]).mean()
                self.adaptive.move(float(mean_sign), LOG_EVERY * self.images_per_step)
        if self.step == 1 or self.step % LOG_EVERY == 0:
            self._log(stats, images_real, self._to_device(z[-config.batch_size :]), labels)
        return stats

    def moves(self, rng: torch.Generator) -> Tensor | None:
        """How the images of one step are to be moved, see ``draw_moves``; None if they are not."""
        config = self.config
        if config.augment == "none":
            return None
        share = None if self.adaptive is None else self.adaptive.p
        moves = draw_moves(config.augment, self.images_per_step, config.image_size, rng, share)
        return self._to_device(moves[self.rows])

    def _to_device(self, drawn: Tensor) -> Tensor:
        """Without waiting for the GPU, which takes pinned memory when it comes to it."""
        if self.device.type == "cuda":
            drawn = drawn.pin_memory()
        return drawn.to(self.device, non_blocking=True)

    def fit(self, progress: bool = True) -> Trainer:
        """Train to the end, with a progress bar, and save what the config asks for.

        Ctrl-C (the stop button in a notebook) ends the step that is running, saves a checkpoint
        and leaves the loop. Several processes stop together, after at most ``LOG_EVERY`` steps.
        """
        with self._alone():
            self._fit(progress)
        return self

    def _fit(self, progress: bool) -> None:
        total = self.config.num_epochs * self.batches_per_epoch
        hidden = not progress or not self.processes.is_first
        bar = tqdm(total=total, initial=self.step, disable=hidden, unit="step", mininterval=0.5)
        bar._time = time.perf_counter  # its usual clock goes back when the computer's is set back
        bar.start_t = bar.last_print_t = bar._time()
        first_image, start = self.images_seen, time.perf_counter()
        metric_before = self.seconds_in_metric
        stopped = False
        with StopButton(patient=self.processes.count > 1) as stop, bar:
            if self.folder is not None and self.processes.is_first:
                # A folder that cannot be written shows itself now, not after the first epochs.
                write_history(self.history_path, self.history)
            for stats in self.steps():
                bar.update(1)
                if stats.step % 50 == 0 and self.history:
                    seconds = time.perf_counter() - start
                    speed = (self.images_seen - first_image) / seconds
                    last = self.history[-1]
                    bar.set_postfix_str(
                        f"{speed:,.0f} img/s, loss D {last['loss_d']:.2f}, G {last['loss_g']:.2f}"
                    )
                stopped = self._agreed(stop.pressed)
                if stopped:
                    break
            bar.close()
            share = (self.seconds_in_metric - metric_before) / (time.perf_counter() - start)
            if share > METRIC_SHARE and self.processes.is_first:
                print(
                    f"The metric took {share:.0%} of the time. Ask it less often, by a larger "
                    f"--save-interval, or make it cheaper."
                )
            if stopped and not self.finished:
                self.save()
                if self.processes.is_first:
                    kept = "" if self.folder is None else " and saved. Go on with --resume"
                    print(f"Stopped after {self.step} steps{kept}.")
            elif self.folder is not None and self.processes.is_first:
                save_generator(self.averaged.model, self.folder / "checkpoints/generator_final.pth")

    @property
    def finished(self) -> bool:
        return self.epoch >= self.config.num_epochs

    def _agreed(self, flag: bool) -> bool:
        """Whether any process says so. Asking is waiting, so several ask now and then only."""
        if self.processes.count > 1 and self.step % LOG_EVERY:
            return False
        return self.processes.any(flag)

    # ---- looking ------------------------------------------------------------------------------

    @torch.no_grad()
    def sample_images(self, num_images: int | None = None) -> Tensor:
        """Images of the averaged generator for the first rows of ``fixed_z``, on the CPU.

        Args:
            num_images: at most 64; as many as fill whole rows of ``columns`` if None.

        Returns:
            (num_images, C, H, W) in [-1, 1].
        """
        if num_images is None:
            num_images = 64 - 64 % self.columns
        given = () if self.fixed_labels is None else (self.fixed_labels[:num_images],)
        return self.averaged.model(self.fixed_z[:num_images], *given).float().cpu()

    def diagnose(self) -> doctor.Diagnosis:
        """What the numbers of this run say so far, in a sentence."""
        return doctor.diagnose_history(self.history)

    def _log(self, stats: StepStats, images_real: Tensor, z: Tensor, labels: Tensor | None) -> None:
        images_real = self.processes.gather(images_real[-len(stats.logits_real) :])
        if labels is not None:
            labels = self.processes.gather(labels[-len(stats.logits_real) :])
        stats = self.processes.gather_stats(stats)
        networks = (self.generator, self.discriminator)
        row = history_row(stats, images_real, z, labels, *networks, self.config.loss)
        if self.adaptive is not None:
            row["augment_p"] = self.adaptive.p
        if not math.isfinite(row["loss_d"]) or not math.isfinite(row["loss_g"]):
            self._stop(
                f"the loss is no longer a number at step {self.step} (D {row['loss_d']}, "
                f"G {row['loss_g']})"
            )
        self.history.append(row)

    def _stop(self, what: str) -> None:
        saved = self.checkpoint_path is not None and self.checkpoint_path.exists()
        kept = " The last saved checkpoint is still good." if saved else ""
        broken = doctor.diagnose([doctor.Statistics(self.step, *[math.nan] * 6)])
        before = self.diagnose()
        earlier = f" Before that: {before.sentence}" if before.is_alarm else ""
        raise CourseError(
            f"{what}, so training has stopped.{kept} {broken.sentence} (learning_rate is "
            f"{self.config.learning_rate}.){earlier}"
        )

    # ---- files --------------------------------------------------------------------------------

    @property
    def checkpoint_path(self) -> Path | None:
        return None if self.folder is None else self.folder / "checkpoints" / "last.safetensors"

    @property
    def history_path(self) -> Path | None:
        return None if self.folder is None else self.folder / "history.jsonl"

    def save(self) -> None:
        """Write the generator of this epoch, the pictures, the history and the checkpoint.

        Raises:
            CourseError: if the disk is full, or if the weights are no longer numbers. What was
                saved before is then untouched.
        """
        if self.folder is None:
            return
        tensors = self._state()
        if self.processes.is_first:
            with self._alone():
                self._write_all(tensors)

    def _write_all(self, tensors: dict[str, Tensor]) -> None:
        if self.batch == 0 and self.epoch > 0:
            name = f"generator_epoch_{self.epoch}.pth"
            save_generator(self.averaged.model, self.folder / "checkpoints" / name)
            self._ask_the_metric()
        from gan_course.training.plots import save_pictures

        save_pictures(
            self.folder / "outputs", self.sample_images(), self.history, columns=self.columns
        )
        self._write_state(tensors)

    def _save_now_and_then(self) -> None:
        """The state alone, after the first step and then every ``SAVE_SECONDS``: a run that was
        killed can always go on, and loses little."""
        late = self._agreed(time.monotonic() - self._saved_at > SAVE_SECONDS)
        if self.folder is not None and (self.step == 1 or late):
            tensors = self._state()
            if self.processes.is_first:
                self._write_state(tensors)

    def _state(self) -> dict[str, Tensor]:
        """What a checkpoint holds. Losses are looked at now and then only; this, always."""
        self._saved_at = time.monotonic()
        tensors = checkpoint.state_tensors(self._models(), self._optimizers(), self.rng)
        if self.adaptive is not None:
            mine = self.adaptive.state()[None]  # each process has noted its own rows
            together = self.processes.count > 1
            tensors["adaptive"] = self.processes.gather(mine.to(self.device) if together else mine)
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            self._stop(f"some weights are no longer numbers after step {self.step}")
        return tensors

    def _write_state(self, tensors: dict[str, Tensor]) -> None:
        """Last of all: killed before this, the run does again, to the bit, what it had done."""
        names = ("step", "epoch", "batch", "images_seen")
        progress = {name: getattr(self, name) for name in names} | {"images": len(self.images)}
        progress["precision"] = self._training_step.precision  # what "auto" has come to
        write_history(self.history_path, self.history)
        save_checkpoint(self.checkpoint_path, self.config, tensors, progress, self.scores)
        self._saved = stamp(self.checkpoint_path)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else trains in the folder meanwhile, and nobody has since this run last saved."""
        if self.folder is None or not self.processes.is_first:
            yield
            return
        with alone_in(self.folder):
            if stamp(self.checkpoint_path) not in (None, self._saved):
                if self.step == 0:
                    checkpoint.refuse_to_overwrite(self.folder)
                raise CourseError(
                    f"another run has saved in {self.folder} meanwhile, and it was not touched. "
                    f"Go on from there by --resume, or start a new run in another --output-dir."
                )
            yield

    def _ask_the_metric(self) -> None:
        if self.metric is None or any(row["epoch"] == self.epoch for row in self.scores):
            return
        start = time.perf_counter()
        score = float(self.metric(self.averaged.model))
        self.seconds_in_metric += time.perf_counter() - start
        known = [row["score"] for row in self.scores if math.isfinite(row["score"])]
        self.scores.append({"epoch": self.epoch, "images_seen": self.images_seen, "score": score})
        if math.isfinite(score) and score < min(known, default=math.inf):
            save_generator(self.averaged.model, self.folder / "checkpoints/generator_best.pth")

    def _resume(self) -> None:
        if self.folder is None or not self.checkpoint_path.exists():
            raise CourseError(
                f"there is no run to resume in {self.config.output_dir}: "
                f"{self.checkpoint_path} is missing. Start one without --resume."
            )
        path = self.checkpoint_path
        before, progress, self.scores, tensors = checkpoint.read_checkpoint(path)
        checkpoint.refuse_another_run(self.config, before, len(self.images), progress["images"])
        checkpoint.restore(tensors, self._models(), self._optimizers(), self.rng, path)
        if self.adaptive is not None:
            noted = tensors.get("adaptive", torch.zeros(0))
            if noted.ndim != 2 or noted.shape[1] < 2:
                raise CourseError(f"{path} does not say how much adaptive_augment had changed.")
            self.adaptive.restore(noted[self.processes.rank % len(noted)].cpu(), self.device)
        for name in ("step", "epoch", "batch", "images_seen"):
            setattr(self, name, progress[name])
        self.history = read_history(self.history_path, self.step)
        if progress.get("precision"):
            self._training_step.use(progress["precision"])

    def _models(self) -> dict[str, nn.Module]:
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "ema": self.averaged.model,
        }

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"g": self.optimizer_g, "d": self.optimizer_d}
