"""The map of the course: every lesson with its time and its exercises. No torch in here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    Attributes:
        slug: the name of its folder below lessons/, and of its notebooks.
        title: as its notebook begins, without the number.
        minutes: to read and play; 0 where there is no lesson, only exercises.
        tasks: the names of its checkers, in their order.
        exercise_minutes: for all tasks together.
    """

    slug: str
    title: str
    minutes: int
    tasks: tuple[str, ...] = ()
    exercise_minutes: int = 0

    @property
    def number(self) -> str:
        return self.slug[:2]

    @property
    def short_title(self) -> str:
        """The part before the colon, without what the map says anyway."""
        title = self.title.removeprefix("Appendix: ").removesuffix(" (exercises only)")
        return (title[:1].upper() + title[1:]).split(":")[0]


LESSONS = (
    Lesson("00_start_here", "Start here", 15),
    Lesson(
        "01_conv2d",
        "Conv2d: how a layer reads an image",
        45,
        (
            "predict_sizes",
            "size_formula",
            "choose_layer",
            "one_channel",
            "full_conv2d",
            "spot_the_error",
            "count_costs",
        ),
        exercise_minutes=85,
    ),
    Lesson(
        "02_conv_transpose2d",
        "ConvTranspose2d: how a generator makes small things large",
        45,
        (
            "predict_sizes",
            "size_formula",
            "way_back",
            "stamp",
            "full_conv_transpose2d",
            "choose_chain",
        ),
        exercise_minutes=75,
    ),
    Lesson(
        "03_activations",
        "Activations: what bends, and what lets gradient through",
        45,
        (
            "predict_numbers",
            "derivatives",
            "dead_units",
            "input_gradient",
            "to_tanh_range",
            "from_tanh_range",
            "build_pair",
            "spot_the_errors",
        ),
        exercise_minutes=80,
    ),
    Lesson(
        "04_batchnorm",
        "BatchNorm: every image looks at its batch",
        45,
        (
            "predict_numbers",
            "batch_statistics",
            "batch_norm_2d",
            "update_running",
            "whole_layer",
            "spot_the_errors",
            "useless_biases",
        ),
        exercise_minutes=80,
    ),
    Lesson(
        "05_first_networks",
        "Your first two networks",
        45,
        (
            "count_parameters",
            "flat_features",
            "repair_discriminator",
            "build_generator",
            "spot_the_errors",
            "trace",
        ),
        exercise_minutes=70,
    ),
    Lesson(
        "06_gan_game",
        "The GAN game: two players, one number",
        75,
        (
            "value_of_game",
            "best_d",
            "logit_gradients",
            "safe_bce",
            "place_the_detach",
            "whole_step",
            "wasserstein_1d",
            "spot_the_errors",
        ),
        exercise_minutes=90,
    ),
    Lesson(
        "07_dcgan",
        "DCGAN: five rules for a pair that trains",
        60,
        (
            "discriminator_shapes",
            "generator_parameters",
            "up_block",
            "conv_stem",
            "init_all",
            "broken_rules",
            "any_generator",
        ),
        exercise_minutes=85,
    ),
    Lesson(
        "08_train_dcgan",
        "Train a DCGAN on real digits",
        60,
        (
            "d_loss",
            "g_loss",
            "one_step",
            "sample",
            "best_smoothed_d",
            "deal_out",
            "count_images",
            "update_average",
            "film",
            "keep_everything",
        ),
        exercise_minutes=125,
    ),
    Lesson(
        "09_failure_modes",
        "Failure modes: what goes wrong, and how to tell",
        75,
        (
            "count_modes",
            "name_the_illness",
            "read_curves",
            "smooth_d_loss",
            "noise_for_d",
            "r1",
            "choose_repair",
        ),
        exercise_minutes=75,
    ),
    Lesson(
        "09_bug_zoo",
        "The bug zoo (exercises only)",
        0,
        (
            "log_of_sigmoid",
            "integer_labels",
            "loss_average",
            "backwards_explanation",
            "data_range",
            "init_never_called",
            "gamma_around_zero",
            "eps_or_momentum",
            "batch_mates",
            "readme_snippet",
            "determinism_named",
            "ci_never_runs",
            "init_after_spectral_norm",
            "attention_axis",
        ),
        exercise_minutes=90,
    ),
    Lesson(
        "10_self_attention",
        "Self-attention: let every pixel look everywhere",
        75,
        (
            "receptive_field",
            "one_by_one",
            "attention_map",
            "pooled_attention",
            "self_attention",
            "gate_gradients",
            "map_bytes",
            "find_defects",
        ),
        exercise_minutes=105,
    ),
    Lesson(
        "11_spectral_norm_hinge",
        "Spectral norm and hinge: a discriminator with a speed limit",
        75,
        (
            "predict_stretch",
            "power_iteration",
            "weight_matrix",
            "spectral_weight",
            "build_discriminator",
            "true_norm",
            "hinge_losses",
            "gradient_penalty",
        ),
        exercise_minutes=110,
    ),
    Lesson(
        "12_sagan",
        "SAGAN: attention, labels, and what they are worth",
        75,
        (
            "conditional_batch_norm",
            "projection_logit",
            "label_leak",
            "sagan_step",
            "update_average",
            "where_it_looks",
            "attention_cost",
            "find_defects",
        ),
        exercise_minutes=105,
    ),
    Lesson(
        "13_evaluation",
        "Evaluation: how good is it, and how sure are you?",
        75,
        (
            "fair_or_not",
            "frechet",
            "kernel_distance",
            "precision_recall",
            "mode_coverage",
            "share_nearer",
        ),
        exercise_minutes=85,
    ),
    Lesson(
        "14_high_resolution",
        "High resolution: growing, or all scales at once",
        75,
        (
            "pixel_norm",
            "equalized_conv",
            "minibatch_stddev",
            "fade_in",
            "growth_schedule",
            "discriminate_all",
        ),
        exercise_minutes=75,
    ),
    Lesson(
        "15_style_transfer",
        "Style transfer: the picture learns",
        75,
        (
            "by_hand",
            "total_variation",
            "gram_matrix",
            "content_and_style",
            "to_imagenet",
            "optimise",
        ),
        exercise_minutes=80,
    ),
    Lesson(
        "16_your_own_images",
        "Your own images: from a folder to a model card",
        80,
        (
            "true_or_not",
            "difference_hash",
            "keep_first",
            "relativistic_losses",
            "slope_penalty",
            "next_share",
        ),
        exercise_minutes=80,
    ),
)

# To look things up in, in any order and at any time.
APPENDICES = (
    Lesson("90_glossary_and_gallery", "Appendix: glossary, gallery, reading list", 10),
    Lesson("91_gan_in_keras", "Appendix: the same GAN in Keras 3", 20),
)
