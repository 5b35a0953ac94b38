"""Muon: what makes a matrix orthogonal, which parameters it moves, and how it is saved."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.selfsup_agent.network import InteractionNet
from agents.training.checkpoint import optimizer_tensors, restore_optimizer
from agents.training.optimizer import Muon, orthogonal

RATE, DECAY = 1e-2, 1e-4


@settings(deadline=None)
@given(
    rows=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 99), scale=st.floats(1e-4, 1e4)
)
def test_an_orthogonal_matrix_has_singular_values_near_1(rows, columns, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    left, _, right = torch.linalg.svd(torch.randn(rows, columns, generator=generator), full_matrices=False)
    spectrum = 0.3 + torch.rand(min(rows, columns), generator=generator)
    found = orthogonal(scale * left @ torch.diag(spectrum) @ right)
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.6 and values.max() < 1.3
    # The same directions: in their own basis, the matrix is diagonal.
    own = left.T @ found @ right.T
    torch.testing.assert_close(own, torch.diag(own.diagonal()), atol=1e-3, rtol=0)


def test_nothing_has_no_direction():
    assert not orthogonal(torch.zeros(3, 5)).any()


@pytest.fixture
def network():
    torch.manual_seed(0)
    return InteractionNet().to(memory_format=torch.channels_last)


def give_gradients(network, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_hidden_convolutions_are_its_and_the_rest_is_adams(network):
    twin = copy.deepcopy(network)
    muon, adam = Muon(network, RATE, DECAY), torch.optim.Adam(twin.parameters(), RATE, weight_decay=DECAY)
    for seed in range(3):
        give_gradients(network, seed)
        give_gradients(twin, seed)
        muon.step()
        adam.step()
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    kernels = {names[id(kernel)] for kernel in muon.param_groups[1]["params"]}
    assert len(kernels) == 14 and not any("head" in name or "upsampling" in name for name in kernels)
    others = dict(twin.named_parameters())
    for name, parameter in network.named_parameters():
        if name in kernels:
            assert not torch.equal(parameter, others[name])
        else:
            torch.testing.assert_close(parameter, others[name])


def test_a_step_has_the_size_of_adams_and_ignores_that_of_the_gradient(network):
    kernel = network.down[1].reduction[0].weight
    before, twin = kernel.detach().clone(), copy.deepcopy(network)
    for scale, one in ((1.0, network), (1e4, twin)):
        give_gradients(one)
        for parameter in one.parameters():
            parameter.grad *= scale
        Muon(one, RATE, DECAY).step()
    moved = (kernel - before).detach()
    assert 0.1 * RATE < moved.square().mean().sqrt() < 0.3 * RATE
    torch.testing.assert_close(twin.down[1].reduction[0].weight, kernel, atol=1e-4, rtol=0)


def test_what_has_no_gradient_stays_and_gradients_are_left_alone(network):
    muon = Muon(network, RATE, DECAY)
    give_gradients(network)
    still = network.down[0].reduction[0].weight
    still.grad = None
    before, gradients = still.detach().clone(), [parameter.grad for parameter in network.parameters()]
    muon.step()
    assert torch.equal(still, before)
    assert all(one is parameter.grad for one, parameter in zip(gradients, network.parameters(), strict=True))


def test_it_goes_on_after_a_checkpoint_as_if_it_had_never_stopped(network):
    muon = Muon(network, RATE, DECAY)
    for seed in range(2):
        give_gradients(network, seed)
        muon.step()
    tensors = {name: value.clone() for name, value in optimizer_tensors(muon).items()}
    twin = copy.deepcopy(network)
    resumed = Muon(twin, RATE, DECAY)
    restore_optimizer(resumed, tensors)
    for one, optimizer in ((network, muon), (twin, resumed)):
        give_gradients(one, 7)
        optimizer.step()
    for mine, other in zip(network.parameters(), twin.parameters(), strict=True):
        assert torch.equal(mine, other)
