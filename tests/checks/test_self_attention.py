"""Lesson 10's own promises: its suspects are those of the notebook, and a test tells them apart."""

import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from gan_course.checks import self_attention as check
from gan_course.checks import self_attention_block as block
from gan_course.checks import self_attention_defects as defects
from gan_course.checks import self_attention_map as maps
from gan_course.models.attention import SelfAttention2d

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "lessons"))
from lesson_source import read_cells  # noqa: E402


def excerpts_of_the_notebook():
    names = {}
    for cell in read_cells(ROOT / "lessons/10_self_attention/exercises.py", "exercises.py"):
        if cell.kind == "code" and ("def excerpt_" in cell.text or cell.text.startswith("import")):
            exec(cell.text, names)
    return {name[-1].upper(): f for name, f in names.items() if name.startswith("excerpt_")}


@pytest.mark.parametrize("seed", range(10))
def test_the_excerpts_in_the_notebook_are_the_ones_that_were_judged(seed):
    shown = excerpts_of_the_notebook()
    assert list(shown) == list(defects.EXCERPTS)
    rng = torch.Generator().manual_seed(seed)
    assert [defects.measure(f, rng) for f in shown.values()] == defects.ANSWERS


def test_the_package_s_own_block_passes_the_check():
    verdict = check.self_attention(
        lambda channels: SelfAttention2d(channels, spectral_norm=False), seed=0
    )
    assert verdict.passed, verdict


def test_the_package_s_map_is_that_of_task_3():
    torch.manual_seed(0)
    block = SelfAttention2d(16, pool=False, spectral_norm=False)
    x = torch.randn(2, 16, 4, 6)
    mine = check.attention_map.oracle(block.query(x), block.key(x))
    assert torch.allclose(block.attention_map(x), mine, atol=1e-5)


def test_a_block_that_lacks_a_part_is_told_which():
    class Nameless(torch.nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.q = torch.nn.Conv2d(channels, channels // 8, 1, bias=False)

        def forward(self, x):
            return x

    verdict = check.self_attention(Nameless, seed=0)
    assert "query.weight" in verdict.details and "('q.weight'" in verdict.details


def test_a_gamma_of_shape_1_is_a_single_number_too():
    """Public code writes torch.zeros(1) as often as torch.zeros(())."""

    class WithAxis(block._Block):
        def __init__(self, channels):
            super().__init__(channels)
            self.gamma = torch.nn.Parameter(torch.zeros(1))

    assert block.self_attention(WithAxis).passed


def test_a_forward_that_returns_nothing_or_stops_is_told_so():
    class Silent(block._Block):
        def forward(self, x):
            self.attend(x)

    class Broken(block._Block):
        def forward(self, x):
            return x + self.gamma * self.attend(x)[:, :3]

    class Unwritten(block._Block):
        def forward(self, x):
            raise NotImplementedError("Your turn.")

    assert "returns nothing" in block.self_attention(Silent).message
    assert "Its forward stopped with RuntimeError" in block.self_attention(Broken).message
    assert "Fill in forward" in block.self_attention(Unwritten).message
    assert "No parentheses" in block.self_attention(block._Block(16)).message


def test_a_map_that_is_not_turned_is_not_called_half_pooled():
    def not_turned(query, key, value):
        key, value = F.max_pool2d(key, 2), F.max_pool2d(value, 2)
        beta = (query.flatten(2).transpose(1, 2) @ key.flatten(2)).softmax(-1)
        return (value.flatten(2) @ beta).unflatten(2, query.shape[2:])

    assert "not turned" in maps.pooled_attention(not_turned).message
