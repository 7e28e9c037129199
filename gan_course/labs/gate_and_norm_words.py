"""The sentences of ``GateAndNorm``, and the program that repeats a state."""

from __future__ import annotations

from gan_course.labs.gate_and_norm_marks import number, percent
from gan_course.labs.gate_and_norm_numbers import MOST_IMAGES, SATURATED
from gan_course.labs.gate_and_norm_picture import class_name

DEAD, ODD = "dead", "odd_one"


def question(lab) -> str:
    """What is asked, in words that name the settings it depends on."""
    if lab.question == DEAD:
        kind = f"saturated (|slope| below {SATURATED:g})" if lab.soft else "dead (slope 0)"
        way = "BatchNorm2d and " * lab.batch_norm + class_name(lab)
        start = f"x has mean {number(lab.mean)} and spread {number(lab.spread)}"
        return f"{start}, and goes through {way}. What share of the numbers is {kind} there?"
    way = "BatchNorm2d and " * lab.batch_norm + class_name(lab)
    start = f"One odd image joins the batch that goes through {way}."
    return f"{start} In which mode does the output of another image change?"


def settings(lab, data: dict) -> str:
    images, _, height, width = data["x"].shape
    plural = "" if images == 1 else "s"
    odd = f", one of them odd (around {number(lab.odd_value)})" if data["odd"] else ""
    text = f"{images} image{plural} of {height}×{width} numbers{odd}"
    text += f", mean {number(lab.mean)}, spread {number(lab.spread)}"
    if not lab.batch_norm:
        return f"{text}, through {class_name(lab)}."
    mode = "train()" if lab.training else "eval()"
    return f"{text}, through BatchNorm2d in {mode} and {class_name(lab)}."


def result(lab, data: dict) -> str:
    """Dead share and slope in the mode that is on, or torch's own words."""
    if data["dead_fraction"] is None:
        return f"No output. torch says: {data['error']}."
    return headline(lab, data)


def headline(lab, data: dict) -> str:
    """The same for the picture, which shows torch's words elsewhere."""
    if data["dead_fraction"] is None:
        return "In train(), torch refuses this batch."
    share, slope = percent(data["dead_fraction"]), f"{data['mean_derivative']:.3f}"
    word = "saturated" if lab.soft else "dead"
    return f"{share} of the numbers are {word}, the mean |slope| is {slope}."


def notes(lab, data: dict) -> list[str]:
    """What else one has to know about this state: at most two sentences."""
    said = []
    if data["odd"] and lab.batch_norm and data["error"] is None:
        said.append(_what_the_odd_one_does(data))
    elif data["odd"] and not lab.batch_norm:
        said.append("Without BatchNorm no image sees another: the marked number stays.")
    if lab.batch_norm:
        if lab.gamma == 0:
            said.append("gamma 0: every u is beta, whatever comes in. x gets no gradient at all.")
        elif lab.spread == 0 and not data["odd"]:
            said.append("spread 0: train() divides 0 by √eps, so every u is beta.")
        if data["batches_taken"] < lab.batches_seen:
            said.append("No batch got through train(), so the running statistics never moved.")
        elif data["batches_taken"] == 0:
            said.append("No batch seen yet: the running mean is 0, the running variance is 1.")
        elif lab.momentum == 0:
            said.append("momentum 0: the running statistics never move.")
    return said[:2]


def _what_the_odd_one_does(data: dict) -> str:
    """How far the marked number moved in both modes, for BatchNorm with the odd image."""
    moved = {}
    for name, row in data["rows"].items():
        if row["sample_without"] is None:
            return "Without the odd image, train() would have refused this batch."
        (u, _), (before, _) = row["sample"], row["sample_without"]
        moved[name] = "does not move at all" if u == before else f"moves by {number(u - before, 3)}"
    return (
        f"With the odd image, u of the marked number {moved['batch']} in train() and "
        f"{moved['running']} in eval()."
    )


def statistics(data: dict) -> str:
    """Both kinds of statistics, for those who do not see the picture."""
    batch = f"{number(data['batch_mean'], 3)} ± {data['batch_std']:.3f}"
    running = f"{number(data['running_mean'], 3)} ± {data['running_std']:.3f}"
    seen = data["batches_taken"]
    return (
        f"The batch has mean ± std {batch}, the running statistics are {running} after {seen} "
        f"batch{'' if seen == 1 else 'es'}: distance {data['distance']:.3f}."
    )


def code(lab, odd: bool) -> str:
    """PyTorch that repeats the state."""
    side = lab.map_size
    arguments = f"u, {lab.slope:g}" if lab.activation == "leaky_relu" else "u"
    module = "F" if lab.activation.endswith("relu") else "torch"
    odd_line = ""
    if odd:
        odd_line = (
            "# the odd image joins at the end\n"
            f"x = torch.cat([x, {lab.odd_value:g} + spread * noise[0, {MOST_IMAGES}:]])\n"
        )
    if lab.batch_norm:
        norm = (
            f"layer = nn.BatchNorm2d(1, momentum={lab.momentum:g})\n"
            f"nn.init.constant_(layer.weight, {lab.gamma:g})  # gamma\n"
            f"nn.init.constant_(layer.bias, {lab.beta:g})  # beta\n"
            f"for k in range({lab.batches_seen}):  # batches seen before\n"
            "    layer(mean + spread * noise[k + 1, :batch_size])\n"
            f"layer.train({lab.training})\n"
            "u = layer(x).detach().requires_grad_()\n"
        )
    else:
        norm = "u = x.requires_grad_()\n"
    rule = f"u.grad.abs() < {SATURATED:g}" if lab.soft else "u.grad == 0"
    return (
        "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n"
        f"mean, spread, batch_size = {lab.mean:g}, {lab.spread:g}, {lab.batch_size}\n"
        f"rng = torch.Generator().manual_seed({lab.seed})\n"
        "noise = torch.randn(101, 65, 1, 8, 8, generator=rng)  # many batches, standard normal\n"
        "noise[0, 0, 0, 0, 0] = 1.5  # the marked number\n"
        f"noise = noise[..., :{side}, :{side}]\n"
        f"x = mean + spread * noise[0, :batch_size]\n{odd_line}\n"
        f"{norm}y = {module}.{lab.activation}({arguments})\n"
        f"y.sum().backward()\ndead = {rule}\n"
        "print(dead.float().mean().item(), u.grad.abs().mean().item(), y[0, 0, 0, 0].item())\n"
    )
