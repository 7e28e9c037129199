"""The loop around the step: data in, images and checkpoints out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from gan_course import doctor
from gan_course.data import default_image_size, image_grid, load_images, picture_bytes
from gan_course.errors import CourseError
from gan_course.models import DCGANDiscriminator, DCGANGenerator
from gan_course.models.weights import save_generator, write_atomically
from gan_course.training.checkpoint import read_checkpoint, restore, save_checkpoint
from gan_course.training.config import TrainConfig
from gan_course.training.device import choose_device
from gan_course.training.ema import AveragedGenerator
from gan_course.training.history import read_history, write_history
from gan_course.training.step import StepStats, training_step
from gan_course.training.stop_button import StopButton

LOG_EVERY = 10  # steps between two lines of history: each line waits for the device


class Trainer:
    """Train a DCGAN as a ``TrainConfig`` says.

    ``fit`` does it all, with a progress bar. ``steps`` gives the same training one step at a time,
    for a notebook that wants to look on.

    Attributes:
        generator, discriminator: the two networks, on the device.
        averaged: the running average of the generator; samples come from it.
        images: the training images.
        fixed_z: (64, latent_dim), always the same, so that pictures of different moments compare.
        history: one dict for each logged step: step, epoch, images_seen, loss_d, loss_g,
            mean_d_real, mean_d_fake, and what ``doctor.measure`` takes.
        step, epoch, batch, images_seen: how far training is.
    """

    def __init__(self, config: TrainConfig | None = None) -> None:
        self.config = config = config or TrainConfig()
        self.folder = None if config.output_dir is None else Path(config.output_dir).expanduser()
        self._refuse_to_overwrite()
        self.device = choose_device(config.device)
        if config.image_size is None:
            config.image_size = default_image_size(config.dataset)
        self.images = load_images(config.dataset, config.image_size, config.data_root, self.device)
        self.batches_per_epoch = self.images.batches_per_epoch(config.batch_size)

        # Everything random below is drawn on the CPU, so that a seed means the same everywhere.
        torch.manual_seed(config.seed)
        channels = self.images.shape[0]
        self.generator = DCGANGenerator(
            config.image_size, channels, config.latent_dim, config.base_channels
        ).to(self.device, memory_format=torch.channels_last)
        self.discriminator = DCGANDiscriminator(
            config.image_size, channels, config.base_channels
        ).to(self.device, memory_format=torch.channels_last)
        self.averaged = AveragedGenerator(self.generator)

        adam = {"lr": config.learning_rate, "betas": (config.beta1, 0.999), "fused": True}
        if self.device.type not in ("cpu", "cuda"):
            adam["fused"] = False
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), **adam)
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), **adam)

        self.rng = torch.Generator().manual_seed(config.seed + 1)
        fixed = torch.Generator().manual_seed(config.seed + 2)
        self.fixed_z = torch.randn(64, config.latent_dim, generator=fixed).to(self.device)
        self.step = self.epoch = self.batch = self.images_seen = 0
        self.history: list[dict] = []
        if config.resume:
            self._resume()

    # ---- training -----------------------------------------------------------------------------

    def steps(self) -> Iterator[StepStats]:
        """Train, one step for each ``next``, until ``num_epochs`` are done.

        Saves on the way, if the config has an ``output_dir``. May be left at any step and taken up
        again by a new call: the position is kept in the trainer, not in the iterator.
        """
        config = self.config
        while self.epoch < config.num_epochs:
            batches = self.images.batches(
                config.batch_size, config.seed, self.epoch, start=self.batch
            )
            for images_real in batches:
                yield self._one_step(images_real)
            self.epoch, self.batch = self.epoch + 1, 0
            if self.epoch % config.save_interval == 0 or self.epoch == config.num_epochs:
                self.save()

    def _one_step(self, images_real: Tensor) -> StepStats:
        config = self.config
        images_real = images_real.contiguous(memory_format=torch.channels_last)
        z = torch.randn(len(images_real), config.latent_dim, generator=self.rng).to(self.device)
        stats = training_step(
            self.generator,
            self.discriminator,
            self.optimizer_g,
            self.optimizer_d,
            images_real,
            z,
            config.loss,
            config.label_smoothing,
        )
        self.step += 1
        self.batch += 1
        self.images_seen += len(images_real)
        self.averaged.update(self.generator, len(images_real), self.images_seen)
        stats.step, stats.epoch, stats.images_seen = self.step, self.epoch, self.images_seen
        if self.step == 1 or self.step % LOG_EVERY == 0:
            self._log(stats, images_real, z)
        return stats

    def fit(self, progress: bool = True) -> Trainer:
        """Train to the end, with a progress bar, and save what the config asks for.

        Ctrl-C (the stop button in a notebook) ends the step that is running, saves a checkpoint
        and leaves the loop.
        """
        total = self.config.num_epochs * self.batches_per_epoch
        bar = tqdm(
            total=total, initial=self.step, disable=not progress, unit="step", mininterval=0.5
        )
        first_image, start = self.images_seen, time.perf_counter()
        with StopButton() as stop, bar:
            if self.folder is not None:
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
                if stop.pressed:
                    break
        if stop.pressed and not self.finished:
            self.save()
            kept = "" if self.folder is None else " and saved. Go on with --resume"
            print(f"Stopped after {self.step} steps{kept}.")
        elif self.folder is not None:
            save_generator(self.averaged.model, self.folder / "checkpoints/generator_final.pth")
        return self

    @property
    def finished(self) -> bool:
        return self.epoch >= self.config.num_epochs

    # ---- looking ------------------------------------------------------------------------------

    @torch.no_grad()
    def sample_images(self, num_images: int = 64) -> Tensor:
        """Images of the averaged generator for the first rows of ``fixed_z``, on the CPU.

        Returns:
            (num_images, C, H, W) in [-1, 1]; num_images is at most 64.
        """
        return self.averaged.model(self.fixed_z[:num_images]).float().cpu()

    # ---- files --------------------------------------------------------------------------------

    @property
    def checkpoint_path(self) -> Path | None:
        return None if self.folder is None else self.folder / "checkpoints" / "last.safetensors"

    @property
    def history_path(self) -> Path | None:
        return None if self.folder is None else self.folder / "history.jsonl"

    def save(self) -> None:
        """Write the checkpoint, the generator of this epoch, the history and the pictures.

        Raises:
            CourseError: if the disk is full, or if the weights are no longer numbers. What was
                saved before is then untouched.
        """
        if self.folder is None:
            return
        self._refuse_to_save_nonsense()
        progress = {
            "step": self.step,
            "epoch": self.epoch,
            "batch": self.batch,
            "images_seen": self.images_seen,
            "images": len(self.images),
        }
        write_history(self.history_path, self.history)
        save_checkpoint(
            self.checkpoint_path,
            self.config,
            self._models(),
            self._optimizers(),
            self.rng.get_state(),
            progress,
        )
        if self.batch == 0 and self.epoch > 0:
            name = f"generator_epoch_{self.epoch}.pth"
            save_generator(self.averaged.model, self.folder / "checkpoints" / name)
        self._save_pictures()

    def _save_pictures(self) -> None:
        from gan_course.training.plots import loss_plot

        grid = Image.fromarray(image_grid(self.sample_images()))
        grid = grid.resize((2 * grid.width, 2 * grid.height), Image.Resampling.NEAREST)
        outputs = self.folder / "outputs"
        write_atomically(outputs / "generated_samples.png", picture_bytes(grid))
        if self.history:
            try:
                plot = loss_plot(self.history)
            except ImportError:  # a GPU machine without matplotlib; history.jsonl has the numbers
                return
            write_atomically(outputs / "training_loss.png", plot)

    def _refuse_to_overwrite(self) -> None:
        if self.folder is None or self.config.resume:
            return
        checkpoints = self.folder / "checkpoints"
        if self.checkpoint_path.exists() or any(checkpoints.glob("generator_*.pth")):
            raise CourseError(
                f"{self.folder} already holds a run, and it was not touched. Go on with it by "
                f"--resume, or start a new one elsewhere by --output-dir."
            )

    def _resume(self) -> None:
        if self.folder is None or not self.checkpoint_path.exists():
            raise CourseError(
                f"there is no run to resume in {self.config.output_dir}: "
                f"{self.checkpoint_path} is missing. Start one without --resume."
            )
        before, progress, tensors = read_checkpoint(self.checkpoint_path)
        changed = self.config.difference(before)
        if changed:
            raise CourseError(
                "the run to resume was started with other choices, so it was not touched: "
                + "; ".join(changed)
                + ". Repeat them, or start a new run in another --output-dir."
            )
        if progress["images"] != len(self.images):
            raise CourseError(
                f"the run to resume was started with {progress['images']:,} images of "
                f"{self.config.dataset}, and now there are {len(self.images):,}. Bring back the "
                f"same images, or start a new run in another --output-dir."
            )
        restore(tensors, self._models(), self._optimizers(), self.rng, self.checkpoint_path)
        self.step, self.epoch = progress["step"], progress["epoch"]
        self.batch, self.images_seen = progress["batch"], progress["images_seen"]
        self.history = read_history(self.history_path, self.step)

    def _models(self) -> dict[str, torch.nn.Module]:
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "ema": self.averaged.model,
        }

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"g": self.optimizer_g, "d": self.optimizer_d}

    def _log(self, stats: StepStats, images_real: Tensor, z: Tensor) -> None:
        row = stats.floats()
        if not math.isfinite(row["loss_d"]) or not math.isfinite(row["loss_g"]):
            self._stop(
                f"the loss is no longer a number at step {self.step} (D {row['loss_d']}, "
                f"G {row['loss_g']})"
            )
        # What the doctor needs, to say later what went wrong.
        health = doctor.measure(
            self.step,
            stats.logits_real,
            stats.logits_fake,
            images_real,
            stats.images_fake,
            self.generator,
            self.discriminator,
            z=z,
            boundary=doctor.boundary(self.config.loss, stats.logits_real, stats.logits_fake),
        )
        self.history.append(row | health.as_dict())

    def diagnose(self) -> doctor.Diagnosis:
        """What the numbers of this run say so far, in a sentence."""
        return doctor.diagnose_history(self.history)

    def _refuse_to_save_nonsense(self) -> None:
        """The losses are looked at now and then only; what is saved is always looked at."""
        models = self._models().values()
        if not all(bool(torch.isfinite(p).all()) for m in models for p in m.parameters()):
            self._stop(f"some weights are no longer numbers after step {self.step}")

    def _stop(self, what: str) -> None:
        saved = self.checkpoint_path is not None and self.checkpoint_path.exists()
        kept = " The last saved checkpoint is still good." if saved else ""
        raise CourseError(
            f"{what}, so training has stopped.{kept} A smaller learning rate than "
            f"{self.config.learning_rate} usually helps."
        )
