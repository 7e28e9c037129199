"""Right answers to the exercises of lesson 10, written another way than the solutions."""

import torch
import torch.nn.functional as F
from torch import nn


def field_from_the_end(layers):
    """How many inputs does one output need? Walk back through the layers."""
    cells = 1
    for kernel_size, stride in reversed(layers):
        cells = (cells - 1) * stride + kernel_size
    return cells


def map_by_einsum(query, key):
    scores = torch.einsum("ndij,ndkl->nijkl", query, key)
    weights = scores.flatten(3).sub(scores.flatten(3).amax(-1, keepdim=True)).exp()
    return (weights / weights.sum(-1, keepdim=True)).flatten(1, 2)


def gather_pixel_by_pixel(query, key, value):
    def strongest(x):  # of each 2x2, by four slices
        corners = [x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]
        return torch.stack(corners).amax(0).flatten(2)

    keys, values = strongest(key), strongest(value)
    out = torch.zeros_like(value)
    for n in range(len(query)):
        for i in range(query.shape[2]):
            for j in range(query.shape[3]):
                weights = torch.softmax(query[n, :, i, j] @ keys[n], 0)
                out[n, :, i, j] = values[n] @ weights
    return out


class Fused(nn.Module):
    """By torch's fused attention."""

    def __init__(self, channels):
        super().__init__()
        sizes = {"query": channels // 8, "key": channels // 8, "value": channels // 2}
        for name, size in sizes.items():
            setattr(self, name, nn.Conv2d(channels, size, kernel_size=(1, 1), bias=False))
        self.output = nn.Conv2d(sizes["value"], channels, 1, bias=False)
        self.register_parameter("gamma", nn.Parameter(torch.tensor(0.0)))

    def forward(self, x):
        q, k, v = (layer(x) for layer in (self.query, self.key, self.value))
        k, v = (F.max_pool2d(t, kernel_size=2, stride=2) for t in (k, v))
        q, k, v = (t.flatten(2).mT for t in (q, k, v))
        out = F.scaled_dot_product_attention(q, k, v, scale=1).mT.reshape(len(x), -1, *x.shape[2:])
        return torch.addcmul(x, self.gamma, self.output(out))


SECOND = {
    "receptive_field": field_from_the_end,
    "one_by_one": lambda x, weight: (x[:, None] * weight[:, :, None, None]).sum(2),
    "attention_map": map_by_einsum,
    "pooled_attention": gather_pixel_by_pixel,
    "self_attention": Fused,
    "gate_gradients": lambda gamma, attended, grad_out: [
        torch.dot(attended.flatten(), grad_out.flatten()),
        grad_out.clone() * gamma.item(),
    ],
    "map_bytes": lambda batch, height, width, pool, bytes_per_number: sum(
        bytes_per_number * ((height // 2) * (width // 2) if pool else height * width)
        for _ in range(batch * height * width)
    ),
    "find_defects": (1.0, 2, 1, 3, 4, 5, torch.tensor(1)),
}
