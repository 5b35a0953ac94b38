"""The authors' released network against a second statement of it, and as a network that can learn."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from released_weights import PARAMETERS, forward, random_weights, released_shapes

from agents.selfsup_agent.network import InteractionNet, Prediction, image_tensor
from agents.selfsup_agent.released_network import ReleasedNet, ray_lengths
from agents.selfsup_agent.variants import make_network, network_from_weights
from agents.training.batches import make_batch
from agents.training.configuration import TrainConfig
from agents.training.learner import Learner
from agents.training.presets import preset
from agents.training.schedule import ConfigurationError
from selfsup.experience import Experience


@pytest.fixture(scope="module")
def network() -> ReleasedNet:
    return ReleasedNet.from_weights(random_weights()).eval()


@pytest.fixture(scope="module")
def view() -> tuple[torch.Tensor, torch.Tensor]:
    """RGB in 0..1 and AI2-THOR's own depth of two made-up views."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand((2, 4, 12, 12), generator=generator)
    image = torch.nn.functional.interpolate(coarse, (300, 300), mode="bilinear")
    image[:, :3] = (image[:, :3] * 255).round() / 255
    return image[:, :3], 0.4 + 4 * image[:, 3]


def observed(rgb: torch.Tensor, depth_frame: torch.Tensor) -> torch.Tensor:
    """The network's input as this package sees such a view: depth is the distance from the camera."""
    plane_distance = depth_frame * 20 / (20 - 0.1)
    distance = (plane_distance * ray_lengths()).numpy()
    images = (255 * rgb).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return torch.stack([image_tensor(*each) for each in zip(images, distance, strict=True)])


def test_names_shapes_and_size_are_those_of_the_released_weights() -> None:
    network = ReleasedNet()
    state = network.state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == released_shapes()
    counted = {name for name, value in state.items() if value.dtype == torch.int64}
    assert counted == {name for name in state if name.endswith("num_batches_tracked")}
    assert all(value.dtype == torch.float32 for name, value in state.items() if name not in counted)
    assert network.parameter_count == PARAMETERS


def test_fresh_coordinates_are_row_and_column() -> None:
    grid = ReleasedNet().coordinate_embedding_grid
    assert grid[:, 3, 98].tolist() == [3, 98] and grid[:, 99, 0].tolist() == [99, 0]


def test_it_computes_what_the_second_statement_computes(
    network: ReleasedNet, view: tuple[torch.Tensor, torch.Tensor]
) -> None:
    with torch.inference_mode():
        found = network(observed(*view))
        wanted = forward(random_weights(), *view)
    assert isinstance(found, Prediction)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == torch.float32 and one.shape == other.shape
        assert other.std() > 0.1, "a constant would prove nothing"
        torch.testing.assert_close(one, other, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(
    "change",
    [
        "backbone.upconv1.conv.0.bias",
        "backbone.block2.first_conv.4.running_mean",
        "backbone.upconv3.conv.1.running_var",
        "coordinate_embedding_grid",
        "mass_head.0.bias",
    ],
)
def test_every_kind_of_value_counts(
    network: ReleasedNet, view: tuple[torch.Tensor, torch.Tensor], change: str
) -> None:
    """Both statements follow a change of one value, so that neither ignores it."""
    weights = random_weights()
    weights[change] = weights[change] + 1
    images = observed(*view)[:1]
    with torch.inference_mode():
        found = ReleasedNet.from_weights(weights).eval()(images)
        wanted = forward(weights, view[0][:1], view[1][:1])
        before = network(images)
    assert not all(torch.equal(one, other) for one, other in zip(found, before, strict=True))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=2e-3)


def test_depth_is_measured_from_the_near_plane() -> None:
    """A point at 1.5 m is 1.5 x 0.995 - 0.1 straight ahead, and less than that towards a corner."""
    network = ReleasedNet().eval()
    seen: list[torch.Tensor] = []
    network.backbone.conv1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = torch.full((1, 4, 300, 300), 1.5)
    with torch.inference_mode():
        network(images)
    assert torch.equal(seen[0][:, :3], images[:, :3])
    depth = seen[0][0, 3]
    assert depth[149, 150].item() == pytest.approx(1.3925, abs=1e-4)
    corner = (1 + 2 * (149.5 / 150) ** 2) ** 0.5
    assert depth[0, 299].item() == pytest.approx(0.995 * 1.5 - 0.1 * corner, abs=1e-5)
    torch.testing.assert_close(depth, depth.flip(0).T.flip(1))


def test_ray_lengths_are_those_of_the_embedded_simulator() -> None:
    from thor_interact_env.simulators.mujoco.drawing import rendering

    np.testing.assert_allclose(ray_lengths().numpy(), rendering.ray_lengths(), rtol=1e-6)


def test_reduced_precision_stays_close_and_gives_float32(
    network: ReleasedNet, view: tuple[torch.Tensor, torch.Tensor]
) -> None:
    images = observed(*view)[:1].to(memory_format=torch.channels_last)
    with torch.inference_mode():
        exact = network(images)
        with torch.autocast("cpu", torch.bfloat16):
            reduced = network(images)
    for one, other in zip(exact, reduced, strict=True):
        assert other.dtype == torch.float32
        assert (one - other).abs().mean() < 0.05 * one.std()


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(4, 300, 300\)"):
        ReleasedNet()(torch.zeros(4, 300, 300))


def test_variants_are_made_by_name_and_found_out_from_weights() -> None:
    for variant, kind in (("paper", InteractionNet), ("released", ReleasedNet)):
        made = make_network(variant)  # type: ignore[arg-type]
        assert type(made) is kind
        again = network_from_weights(made.state_dict())
        assert type(again) is kind
        for name, value in made.state_dict().items():
            assert torch.equal(again.state_dict()[name], value)
    with pytest.raises(ValueError, match="unknown network variant 'best'"):
        make_network("best")  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        network_from_weights({"weight": torch.zeros(1)})


def test_a_copy_shares_nothing_and_has_one_force_head() -> None:
    network = ReleasedNet()
    copied = deepcopy(network)
    assert copied.force_head is copied.mass_head
    assert copied.force_head is not network.force_head
    assert not any("force_head" in name for name in network.state_dict())


def made_up_experience(feedback: int) -> Experience:
    """A bright rectangle on noise, of which is known that it moves."""
    rng = np.random.default_rng(feedback)
    rgb = rng.integers(0, 60, (300, 300, 3), dtype=np.uint8)
    mask = np.zeros((1, 100, 100), bool)
    mask[0, 20:50, 30:60] = True
    rgb[mask[0].repeat(3, 0).repeat(3, 1)] += np.uint8(150)
    return Experience(
        rgb=rgb,
        depth=rng.uniform(0.5, 3, (300, 300)).astype(np.float16),
        success_points=np.array([[30, 40]], np.int16),
        masks=mask,
        forces=np.array([1], np.int8),
        feedback=np.array([feedback], np.int8),
        failure_points=np.array([[2, 2], [97, 50]], np.int16),
    )


def test_it_is_trained_like_the_papers_network() -> None:
    """Every parameter moves; while the detection part is frozen, the force head alone."""
    config = TrainConfig(schedule=preset("smoke"), network="released", device="cpu", precision="32-true")
    learner = Learner(config)
    assert isinstance(learner.network, ReleasedNet)
    batch = make_batch([made_up_experience(feedback=1)], config.kernel_name)

    def moved(frozen: bool) -> set[str]:
        before = {name: value.clone() for name, value in learner.network.named_parameters()}
        learner.choose_parts(frozen)
        result = learner.update(batch, 1e-3, joint=True, frozen=frozen)
        assert np.isfinite(result.measures["loss"])
        return {
            name for name, value in learner.network.named_parameters() if not torch.equal(value, before[name])
        }

    names = {name for name, _ in learner.network.named_parameters()}
    assert moved(frozen=True) == {name for name in names if name.startswith("mass_head")}
    assert moved(frozen=False) == names


def test_a_run_says_which_network_it_has() -> None:
    values = TrainConfig(schedule=preset("smoke")).to_json()
    del values["network"]
    with pytest.raises(ConfigurationError, match="lacks network"):
        TrainConfig.from_json(values)
    with pytest.raises(ConfigurationError, match="must be an object"):
        TrainConfig.from_json([])  # type: ignore[arg-type]
