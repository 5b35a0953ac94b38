"""The way through the network as one image: which tensors it shows, and in which colours."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.selfsup_agent.agent import SelfSupervisedAgent
from agents.selfsup_agent.network import InteractionNet, image_tensor
from agents.selfsup_agent.released_network import ReleasedNet
from eval.figures.overview import COLUMNS, model_overview, principal_colours
from eval.figures.panels import sheet
from thor_interact_env.simulators.base import Observation

PANEL, TITLE, GAP = 600, 56, 20


def some_view(seed: int) -> Observation:
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (300, 300, 3), dtype=np.uint8)
    return Observation(rgb=rgb, depth=rng.uniform(0.3, 4, (300, 300)).astype(np.float32))


@pytest.mark.parametrize("kind", [InteractionNet, ReleasedNet])
def test_layers_are_those_of_a_plain_forward_pass(kind) -> None:
    torch.manual_seed(0)
    network = kind().eval()
    view = some_view(1)
    agent = SelfSupervisedAgent(network, "fp32")
    layers, prediction = agent.layers(view)
    found = dict(layers)
    agent.predict(some_view(2))
    assert all(layers[name] is values for name, values in found.items())  # nobody watches any more
    assert list(layers) == ["stem", "down 1", "down 2", "down 3", "up 1", "up 2", "up 3", "projection"]
    with torch.no_grad():
        image = image_tensor(view["rgb"], view["depth"])[None]
        scores = network(image).scores
    torch.testing.assert_close(prediction.scores, scores, rtol=1e-3, atol=1e-3)
    assert [values.shape[0] for values in layers.values()] == [32, 64, 128, 256, 128, 64, 64, 128]
    assert [layers[f"down {number}"].shape[1] for number in (1, 2, 3)] == [50, 25, 13]
    if kind is InteractionNet:
        with torch.no_grad():
            values = torch.from_numpy(layers["projection"])[None]
            torch.testing.assert_close(network.score_head(values)[:, 0], scores, rtol=1e-3, atol=1e-3)
    overview = model_overview(view, layers, prediction, [], np.zeros((0, 100, 100), bool))
    rows = -(-(2 + len(layers) + 5) // COLUMNS)
    assert overview.shape == (
        GAP // 2 + rows * (PANEL + TITLE + GAP),
        COLUMNS * (PANEL + GAP) + GAP,
        3,
    )
    assert overview[GAP // 2 + TITLE : GAP // 2 + TITLE + PANEL, GAP : GAP + PANEL].std() > 10  # the view


@given(seed=st.integers(0, 2**32 - 1), features=st.integers(1, 20))
def test_like_cells_have_like_colours(seed: int, features: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = rng.normal(size=(3, features))
    cells = rng.integers(0, 3, (8, 9))
    colours = principal_colours(kinds[cells].transpose(2, 0, 1))
    assert colours.shape == (8, 9, 3) and colours.dtype == np.uint8
    for kind in range(3):
        assert len(np.unique(colours[cells == kind], axis=0)) <= 1


def test_the_first_component_is_red_and_what_does_not_vary_is_grey() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 100), (100, 100))
    colours = principal_colours(np.stack([3 * ramp, np.zeros((100, 100)), np.ones((100, 100))]))
    red = colours[0, :, 0].astype(int)
    assert red.min() == 0 and red.max() == 255
    assert (np.diff(red) >= 0).all() or (np.diff(red) <= 0).all()
    assert (colours[..., 1:] == 128).all()
    assert (principal_colours(np.ones((5, 4, 4))) == 128).all()
    with pytest.raises(ValueError, match=r"\(4, 4\)"):
        principal_colours(np.ones((4, 4)))


def test_a_last_row_may_be_shorter() -> None:
    panel = np.full((PANEL + TITLE, PANEL, 3), 7, np.uint8)
    whole, short = sheet([panel] * 6, 3), sheet([panel] * 4, 3)
    assert whole.shape == short.shape
    assert (short != whole).any() and (short[: PANEL + TITLE] == whole[: PANEL + TITLE]).all()
