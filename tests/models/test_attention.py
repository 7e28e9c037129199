"""Self-attention against the authors' block, written a second time in float64 and loops."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gan_course.models import SelfAttention2d
from gan_course.models.attention import attend, twice_differentiable

shapes = st.tuples(  # N, C, height, width
    st.integers(1, 3), st.integers(1, 40), st.integers(2, 7), st.integers(2, 7)
)


def block(channels, spectral_norm=True, gamma=0.7, **choices):
    """In eval mode, so that the power iteration stands still; gamma is no longer 0."""
    attention = SelfAttention2d(channels, spectral_norm=spectral_norm, **choices).eval()
    nn.init.constant_(attention.gamma, gamma)
    return attention


# ---- the reference ----------------------------------------------------------------------------


def reference(x, weights, gamma, pool):
    """The authors' block from its description, one image after another, all in x's precision.

    f = W_f x, g = W_g x, h = W_h x at every position; f and h max-pooled over 2x2 squares.
    beta[j, i] = softmax over i of g_j . f_i, o_j = W_o sum_i beta[j, i] h_i, y = gamma o + x.

    Args:
        weights: query, key, value, output as matrices (out, in).
    """
    w_query, w_key, w_value, w_output = weights
    images = []
    for image in x:
        _, height, width = image.shape
        looks = {(r, c): w_query @ image[:, r, c] for r in range(height) for c in range(width)}
        keys = torch.einsum("oc,crs->ors", w_key, image)
        values = torch.einsum("oc,crs->ors", w_value, image)
        if pool:
            squares = [
                (slice(2 * r, 2 * r + 2), slice(2 * c, 2 * c + 2))
                for r in range(height // 2)
                for c in range(width // 2)
            ]
            keys = torch.stack([keys[:, r, c].amax((1, 2)) for r, c in squares])
            values = torch.stack([values[:, r, c].amax((1, 2)) for r, c in squares])
        else:
            keys, values = keys.flatten(1).T, values.flatten(1).T
        columns = []
        for position in looks:
            scores = torch.stack([looks[position] @ key for key in keys])
            shares = torch.exp(scores - scores.max())
            shares = shares / shares.sum()
            taken = sum(share * value for share, value in zip(shares, values, strict=True))
            columns.append(w_output @ taken)
        images.append(torch.stack(columns, dim=1).unflatten(1, (height, width)))
    return x + gamma * torch.stack(images)


def matrices(attention):
    """The four weights as float64 matrices that want a gradient; gamma too."""
    convs = (attention.query, attention.key, attention.value, attention.output)
    weights = [conv.weight.detach().double()[:, :, 0, 0].requires_grad_() for conv in convs]
    return weights, attention.gamma.detach().double().requires_grad_()


def relative_error(ours, expected):
    return (ours.double() - expected).norm() / expected.norm().clamp_min(1e-12)


@settings(max_examples=25)
@given(
    shape=shapes,
    value_channels=st.none() | st.integers(1, 40),
    pool=st.booleans(),
    gamma=st.floats(-2, 2),
    channels_last=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_equal_to_the_reference_forward_and_backward(
    shape, value_channels, pool, gamma, channels_last, seed
):
    torch.manual_seed(seed)
    choices = {"value_channels": value_channels, "pool": pool}
    attention = block(shape[1], spectral_norm=False, gamma=gamma, **choices)
    x = torch.randn(shape)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    upstream = torch.randn(shape)
    weights, gamma_64 = matrices(attention)
    x_64 = x.detach().double().requires_grad_()

    y = attention(x)
    y.backward(upstream)
    expected = reference(x_64, weights, gamma_64, pool)
    expected.backward(upstream.double())

    assert relative_error(y, expected) < 1e-5
    assert relative_error(x.grad, x_64.grad) < 1e-5
    assert abs(attention.gamma.grad - gamma_64.grad) < 1e-5 * (upstream.norm() * y.norm())
    ours = [attention.query, attention.key, attention.value, attention.output]
    # Query and key get no gradient where a softmax over one position leaves nothing to decide, and
    # a tiny one where it is nearly so: the error is measured against all weights' gradient.
    size = torch.cat([w.grad.flatten() for w in weights]).norm()
    for conv, weight in zip(ours, weights, strict=True):
        error = (conv.weight.grad[:, :, 0, 0].double() - weight.grad).norm()
        assert error <= 1e-5 * size + 1e-12


@settings(max_examples=20)
@given(shape=shapes, pool=st.booleans(), spectral_norm=st.booleans(), seed=st.integers(0, 1000))
def test_both_paths_are_equal_forward_and_backward(shape, pool, spectral_norm, seed):
    torch.manual_seed(seed)
    attention = block(shape[1], spectral_norm, pool=pool).double()
    x = torch.randn(shape, dtype=torch.float64)
    results = []
    for path in (attention, lambda x: attention.forward_with_map(x)[0]):
        x_in = x.clone().requires_grad_()
        attention.zero_grad()
        y = path(x_in)
        y.square().sum().backward()
        grads = [p.grad.clone() for p in attention.parameters()]
        results.append([y.detach(), x_in.grad, *grads])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


# ---- what must hold by itself -----------------------------------------------------------------


@pytest.mark.parametrize("pool", [True, False])
def test_rows_of_the_map_sum_to_one_over_the_attended_positions(pool):
    torch.manual_seed(0)
    attention = block(16, pool=pool)
    x = 3 * torch.randn(2, 16, 6, 8)
    weights = attention.attention_map(x)
    assert weights.shape == (2, 48, 12 if pool else 48)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(2, 48))
    # and the other axis does not: a test on symmetric weights would not notice
    assert (weights.sum(dim=1) - 48 / weights.shape[2]).abs().max() > 0.1


def test_a_value_of_one_everywhere_gives_one():
    """Weights that sum to 1 over the wrong axis give anything from 0.2 to 6 here."""
    torch.manual_seed(0)
    query, key = 2 * torch.randn(2, 30, 4), 2 * torch.randn(2, 12, 4)
    torch.testing.assert_close(attend(query, key, torch.ones(2, 12, 7)), torch.ones(2, 30, 7))


def test_a_value_of_one_everywhere_gives_one_through_the_block():
    """x is random but for a channel of ones, which the value reads and the output hands on."""
    torch.manual_seed(0)
    attention = block(16, spectral_norm=False, gamma=1.0)
    nn.init.zeros_(attention.value.weight)
    attention.value.weight.data[:, 0] = 1.0
    nn.init.zeros_(attention.output.weight)
    attention.output.weight.data[:, 0] = 1.0
    x = 3 * torch.randn(2, 16, 6, 6)
    x[:, 0] = 1.0
    for y in (attention(x), attention.forward_with_map(x)[0]):
        torch.testing.assert_close(y - x, torch.ones_like(x))


def test_the_scores_are_not_divided_by_a_root():
    """One position's key equals its query: the expected weights are computed by hand."""
    query = torch.zeros(1, 1, 4)
    query[..., 0] = 2.0
    key = torch.tensor([[[1.0, 0, 0, 0], [0, 1.0, 0, 0]]])
    value = torch.tensor([[[1.0], [0.0]]])
    expected = torch.sigmoid(torch.tensor(2.0))  # e^2 / (e^2 + e^0)
    torch.testing.assert_close(attend(query, key, value)[0, 0, 0], expected)


def test_gamma_is_one_number_from_zero_and_the_block_begins_as_the_identity():
    torch.manual_seed(0)
    attention = SelfAttention2d(16)
    assert isinstance(attention.gamma, nn.Parameter) and attention.gamma.shape == ()
    assert attention.gamma.item() == 0.0
    x = torch.randn(3, 16, 8, 8, requires_grad=True)
    y = attention(x)
    assert torch.equal(y, x)
    upstream = torch.randn_like(y)
    y.backward(upstream)
    assert torch.equal(x.grad, upstream)
    # at the very first step only gamma learns
    assert attention.gamma.grad != 0
    for name, parameter in attention.named_parameters():
        assert name == "gamma" or not parameter.grad.any()


def test_the_authors_form_is_the_default():
    attention = SelfAttention2d(64)
    assert attention.query.weight.shape == attention.key.weight.shape == (8, 64, 1, 1)
    assert attention.value.weight.shape == (32, 64, 1, 1)
    assert attention.output.weight.shape == (64, 32, 1, 1)
    assert attention.pool
    convs = [m for m in attention.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == 4 and all(conv.bias is None for conv in convs)
    assert all(hasattr(conv, "parametrizations") for conv in convs)
    names = set(SelfAttention2d(64, spectral_norm=False).state_dict())
    weights = {f"{name}.weight" for name in ("query", "key", "value", "output")}
    assert names == {*weights, "gamma"}


def test_the_papers_form_and_narrow_maps():
    paper = block(24, value_channels=24, pool=False)
    assert paper.value.weight.shape == (24, 24, 1, 1)
    assert paper(torch.randn(1, 24, 3, 5)).shape == (1, 24, 3, 5)
    narrow = block(3)
    assert narrow.query.out_channels == narrow.value.out_channels == 1
    # a value narrower than the query: then it is the value that is filled up with zeros
    thin = block(64, value_channels=2)
    x = torch.randn(2, 64, 4, 4)
    torch.testing.assert_close(thin(x), thin.forward_with_map(x)[0])


@pytest.mark.parametrize("choices", [{"channels": 0}, {"channels": 8, "value_channels": 0}])
def test_counts_below_one_are_refused(choices):
    with pytest.raises(ValueError, match="at least 1, but is 0"):
        SelfAttention2d(**choices)


def test_switched_off_it_is_the_identity_and_the_switch_is_no_weight():
    torch.manual_seed(0)
    attention = block(16)
    names = set(attention.state_dict())
    x = torch.randn(2, 16, 8, 8)
    on = attention(x)
    attention.enabled = False
    assert set(attention.state_dict()) == names
    assert attention(x) is x and torch.equal(attention.forward_with_map(x)[0], x)
    assert attention.attention_map(x).shape == (2, 64, 16)  # one can still look
    attention.enabled = True
    assert torch.equal(attention(x), on) and not torch.equal(on, x)


# ---- double backward --------------------------------------------------------------------------


@pytest.mark.parametrize("pool", [True, False])
def test_double_backward_is_right(pool):
    torch.manual_seed(0)
    attention = block(4, value_channels=3, pool=pool).double()
    x = torch.randn(2, 4, 4, 4, dtype=torch.float64, requires_grad=True)
    with twice_differentiable():
        assert torch.autograd.gradcheck(attention, x)
        assert torch.autograd.gradgradcheck(attention, x)


def test_double_backward_without_the_plain_path_is_an_error_and_no_wrong_number():
    torch.manual_seed(0)
    attention = block(64)
    x = torch.randn(2, 64, 8, 8, requires_grad=True)
    [gradient] = torch.autograd.grad(attention(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="not implemented"):
        gradient.square().sum().backward()


# ---- layouts, precisions, copies --------------------------------------------------------------


@pytest.mark.parametrize("pool", [True, False])
def test_channels_last_changes_nothing(pool):
    torch.manual_seed(0)
    attention = block(32, pool=pool)
    x = torch.randn(2, 32, 6, 6)
    other = copy.deepcopy(attention).to(memory_format=torch.channels_last)
    y = other(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(y, attention(x))


def test_under_autocast_the_sums_stay_in_float32():
    torch.manual_seed(0)
    attention = block(64)
    x = 2 * torch.randn(2, 64, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        y, weights = attention(x), attention.attention_map(x)
    assert y.dtype == weights.dtype == torch.float32
    torch.testing.assert_close(y, attention(x))
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(2, 64))


def test_the_shapes_can_be_had_without_memory():
    with torch.device("meta"):
        y = SelfAttention2d(512)(torch.empty(64, 512, 256, 256))
    assert y.shape == (64, 512, 256, 256)


def test_a_copy_computes_the_same_and_goes_its_own_way():
    attention = block(16).train()
    twin = copy.deepcopy(attention)
    x = torch.randn(2, 16, 4, 4)
    assert torch.equal(twin(x), attention(x))
    with torch.no_grad():
        twin.gamma.fill_(0.0)
    assert attention.gamma != 0
