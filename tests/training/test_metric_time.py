"""A metric that eats the run's time does not do so in silence."""

import time

import pytest

from gan_course.training import TrainConfig, Trainer


@pytest.mark.parametrize("slow", [True, False])
def test_a_metric_that_takes_more_than_a_twentieth_is_named(tmp_path, capsys, slow):
    asked = []

    def metric(generator):
        asked.append(generator)
        # Longer than all the rest together, however busy the machine is.
        time.sleep(1.0 + time.perf_counter() - start if slow else 0.0)
        return 1.0

    config = TrainConfig(
        image_size=16,
        base_channels=2,
        batch_size=256,
        num_epochs=1,
        device="cpu",
        output_dir=str(tmp_path),
    )
    start = time.perf_counter()
    trainer = Trainer(config, metric=metric).fit(progress=False)
    assert len(asked) == 1 and (trainer.seconds_in_metric >= 1.0) == slow
    assert ("The metric took" in capsys.readouterr().out) == slow
    assert list(trainer.scores[0]) == ["epoch", "images_seen", "score"]  # no times in a checkpoint
