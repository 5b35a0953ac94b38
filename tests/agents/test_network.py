"""The network of the paper's appendix A: its size, what it sees, and what comes out of it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from agents.base import BatchAgent
from agents.selfsup_agent.agent import SelfSupervisedAgent
from agents.selfsup_agent.network import (
    InteractionNet,
    Prediction,
    PredictionNetwork,
    coordinate_grid,
    fused,
    image_tensor,
)
from agents.selfsup_agent.released_network import ReleasedNet
from thor_interact_env.simulators.base import Observation


@pytest.fixture(autouse=True)
def fixed_weights() -> None:
    torch.manual_seed(0)


def random_images(count: int = 1) -> torch.Tensor:
    return torch.rand((count, 4, 300, 300), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("force_branch", ["shared", "separate"])
def test_size_is_the_papers(force_branch: str) -> None:
    network = InteractionNet(force_branch=force_branch)  # type: ignore[arg-type]
    assert 1.3e6 < network.parameter_count < 1.5e6
    assert network.parameter_count == sum(parameter.numel() for parameter in network.parameters())


def test_layers_have_the_widths_of_the_released_weights() -> None:
    shapes = {name: tuple(value.shape) for name, value in InteractionNet().named_parameters()}
    assert shapes["stem.0.weight"] == (32, 4, 5, 5)
    for index, width in enumerate((32, 64, 128)):
        assert shapes[f"down.{index}.residual.0.0.weight"] == (2 * width, width, 3, 3)
        assert shapes[f"down.{index}.residual.1.0.weight"] == (width, 2 * width, 1, 1)
        assert shapes[f"down.{index}.reduction.0.weight"] == (2 * width, width, 3, 3)
    for index, (inputs, outputs, joined) in enumerate(((256, 128, 256), (128, 64, 128), (64, 64, 96))):
        assert shapes[f"up.{index}.upsampling.weight"] == (inputs, outputs, 2, 2)
        assert shapes[f"up.{index}.fusion.0.weight"] == (outputs, joined, 3, 3)
    assert shapes["projection.0.weight"] == (128, 66, 1, 1)


def seen_pixels(network: InteractionNet, row: int, column: int) -> tuple[int, int, int, int]:
    """First row, last row, first column and last column that one output depends on."""
    images = random_images().requires_grad_(True)
    network(images).scores[0, row, column].backward()
    assert images.grad is not None
    seen = images.grad[0].abs().sum(dim=0) > 0
    rows, columns = seen.any(dim=1).nonzero().ravel(), seen.any(dim=0).nonzero().ravel()
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def test_receptive_field_is_the_papers() -> None:
    network = InteractionNet().eval()
    with torch.no_grad():
        for parameter in network.parameters():  # positive, so that no ReLU hides a path
            parameter.abs_().add_(1e-3)
    widest = 0
    for row, column in ((48, 48), (49, 51), (50, 50), (52, 47)):
        top, bottom, left, right = seen_pixels(network, row, column)
        assert top < 3 * row + 1 < bottom
        assert left < 3 * column + 1 < right
        widest = max(widest, bottom - top + 1, right - left + 1)
    assert 135 <= widest <= 139


def test_coordinates_reach_from_minus_4_to_4_on_both_axes() -> None:
    rows, columns = coordinate_grid()
    axis = torch.linspace(-4, 4, 100)
    torch.testing.assert_close(rows, axis[:, None].expand(100, 100))
    torch.testing.assert_close(columns, axis.expand(100, 100))
    assert torch.equal(InteractionNet().coordinates, torch.stack((rows, columns)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_outputs_are_float32_and_cover_the_grid(dtype: torch.dtype) -> None:
    network = InteractionNet().eval().to(memory_format=torch.channels_last)
    images = random_images(2).to(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        prediction = network(images)
    assert isinstance(prediction, Prediction)
    assert [tuple(value.shape) for value in prediction] == [
        (2, 100, 100),
        (2, 3, 100, 100),
        (2, 16, 100, 100),
    ]
    assert {value.dtype for value in prediction} == {torch.float32}
    assert all(bool(value.isfinite().all()) for value in prediction)


def test_reduced_precision_stays_close() -> None:
    network = InteractionNet().eval()
    images = random_images()
    with torch.inference_mode():
        exact = network(images)
        with torch.autocast("cpu", torch.bfloat16):
            reduced = network(images)
    for one, other in zip(exact, reduced, strict=True):
        torch.testing.assert_close(one, other, atol=0.05, rtol=0.05)


def test_images_of_a_batch_do_not_mix() -> None:
    network = InteractionNet().eval()
    images = random_images(2)
    with torch.inference_mode():
        together, alone = network(images), network(images[1:])
    for both, one in zip(together, alone, strict=True):
        torch.testing.assert_close(both[1:], one, atol=1e-5, rtol=1e-4)


def test_coordinates_tell_equal_cells_apart() -> None:
    network = InteractionNet().eval()
    with torch.inference_mode():
        scores = network(torch.full((1, 4, 300, 300), 0.5)).scores[0]
    # Far from the border every cell sees the same image, at the same phase of the strides.
    assert scores[40, 40] != scores[40, 48]
    assert scores[40, 40] != scores[48, 40]


@pytest.mark.parametrize("force_branch", ["shared", "separate"])
def test_every_parameter_learns(force_branch: str) -> None:
    network = InteractionNet(force_branch=force_branch)  # type: ignore[arg-type]
    prediction = network(random_images())
    sum(value.square().mean() for value in prediction).backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize("force_branch", ["shared", "separate"])
def test_force_head_alone_decides_the_forces(force_branch: str) -> None:
    network = InteractionNet(force_branch=force_branch).eval()  # type: ignore[arg-type]
    images = random_images()
    with torch.no_grad():
        before = network(images)
        for parameter in network.force_head.parameters():
            parameter.add_(0.1)
        after = network(images)
    assert torch.equal(before.scores, after.scores)
    assert torch.equal(before.embeddings, after.embeddings)
    assert not torch.equal(before.force_logits, after.force_logits)


def test_image_tensor_keeps_colours_and_metres() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (300, 300, 3), dtype=np.uint8)
    depth = rng.uniform(0, 9, (300, 300)).astype(np.float16)
    image = image_tensor(rgb, depth)
    assert image.shape == (4, 300, 300)
    assert image.dtype == torch.float32
    np.testing.assert_allclose(image[:3].numpy(), rgb.transpose(2, 0, 1) / 255, atol=1e-6)
    np.testing.assert_array_equal(image[3].numpy(), depth.astype(np.float32))
    assert image[None].is_contiguous(memory_format=torch.channels_last)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2, 3\)"):
        image_tensor(np.zeros((2, 2, 3), np.uint8), np.zeros((300, 300), np.float32))
    with pytest.raises(ValueError, match=r"\(4, 300, 300\)"):
        InteractionNet()(torch.zeros(4, 300, 300))
    with pytest.raises(ValueError, match="embedding_size is 0"):
        InteractionNet(embedding_size=0)
    with pytest.raises(ValueError, match="unknown force_branch 'own'"):
        InteractionNet(force_branch="own")  # type: ignore[arg-type]


def test_fresh_upsampling_prints_no_checkerboard():
    """The four positions of each transposed convolution start equal, so a cell is first repeated 2 x 2."""
    torch.manual_seed(3)
    network = InteractionNet()
    for up in network.up:
        upsampling = up.upsampling
        assert isinstance(upsampling, torch.nn.ConvTranspose2d)
        upsampled = upsampling(torch.rand(1, upsampling.in_channels, 5, 5))
        repeated = upsampled[..., ::2, ::2].repeat_interleave(2, -1).repeat_interleave(2, -2)
        assert torch.allclose(upsampled, repeated, atol=1e-6)


def with_statistics(network: PredictionNetwork) -> PredictionNetwork:
    """Give batch normalisation statistics and weights that do something."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.1)
    return network


@pytest.mark.parametrize(
    "make",
    [InteractionNet, lambda: InteractionNet(force_branch="separate"), ReleasedNet],
    ids=["shared", "separate", "released"],
)
def test_a_fused_network_predicts_the_same_without_batch_normalisation(
    make: Callable[[], PredictionNetwork],
) -> None:
    network = with_statistics(make())
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    short = fused(network)
    assert network.training and not short.training
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in short.modules())
    assert all(torch.equal(value, kept[name]) for name, value in network.state_dict().items())
    with torch.inference_mode():
        pairs = zip(short(random_images()), network.eval()(random_images()), strict=True)
    for found, expected in pairs:
        assert expected.std() > 1e-3
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("refined", [False, True])
def test_several_views_at_once_give_the_instances_of_each_alone(refined: bool) -> None:
    rng = np.random.default_rng(0)
    views = [
        Observation(
            rgb=rng.integers(0, 256, (6, 6, 3), np.uint8).repeat(50, 0).repeat(50, 1),
            depth=rng.uniform(1, 3, (300, 300)).astype(np.float32),
        )
        for _ in range(3)
    ]
    agent = SelfSupervisedAgent(with_statistics(InteractionNet()), "fp32", refined=refined)
    assert isinstance(agent, BatchAgent) and agent.propose_many([]) == []
    together = agent.propose_many(views)
    assert len(together) == len(views) and all(together)
    for found, view in zip(together, views, strict=True):
        alone = agent.propose(view)
        assert [(each.point, each.force) for each in found] == [(each.point, each.force) for each in alone]
        assert [each.score for each in found] == pytest.approx([each.score for each in alone], rel=1e-4)
        for one, other in zip(found, alone, strict=True):
            assert one.mask is not None and other.mask is not None
            # A cell whose distance is that of the border may be rounded to either side.
            assert (one.mask != other.mask).mean() < 1e-3


def test_an_agent_keeps_the_weights_it_was_given() -> None:
    network = with_statistics(InteractionNet())
    view = Observation(rgb=np.full((300, 300, 3), 90, np.uint8), depth=np.ones((300, 300), np.float32))
    agent = SelfSupervisedAgent(network, "fp32")
    before = agent.predict(view)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    for first, second in zip(before, agent.predict(view), strict=True):
        assert torch.equal(first, second) and first.any()


def test_each_output_of_an_agent_lies_together_in_memory() -> None:
    view = Observation(rgb=np.full((300, 300, 3), 90, np.uint8), depth=np.ones((300, 300), np.float32))
    output = SelfSupervisedAgent(InteractionNet(), "fp32").predict_many([view] * 2)
    assert all(part.is_contiguous() for part in output)


def test_an_agent_keeps_freed_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    monkeypatch.setattr("agents.training.processor.keep_freed_memory", lambda: calls.append(True))
    SelfSupervisedAgent(InteractionNet(), "fp32")
    assert calls == [True]
