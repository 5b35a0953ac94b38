"""The network of queried masks: the paper's with one more head."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from agents.query_agent.network import QueryNet, QueryPrediction
from agents.selfsup_agent.network import InteractionNet, fused
from agents.training.checkpoint import save_weights


def random_images(count: int = 1, side: int = 300) -> torch.Tensor:
    return torch.rand((count, 4, side, side), generator=torch.Generator().manual_seed(1))


def made(kind: type[InteractionNet] | type[QueryNet], seed: int = 0) -> InteractionNet | QueryNet:
    torch.manual_seed(seed)
    return kind()


def test_all_but_the_queries_are_what_the_papers_network_predicts() -> None:
    paper, queried = made(InteractionNet).eval(), made(QueryNet).eval()
    with torch.inference_mode():
        expected, prediction = paper(random_images()), queried(random_images())
    assert isinstance(prediction, QueryPrediction)
    for name in ("scores", "force_logits", "embeddings"):
        torch.testing.assert_close(getattr(prediction, name), getattr(expected, name))
    assert tuple(prediction.queries.shape) == (1, 18, 100, 100)
    assert prediction.queries.dtype == torch.float32
    assert queried.parameter_count - paper.parameter_count == 18 * 129
    more = {"query_head.weight", "query_head.bias", "force_frequencies"}
    assert set(queried.state_dict()) - set(paper.state_dict()) == more


def with_queries(seed: int = 0, force_branch: str = "shared") -> QueryNet:
    torch.manual_seed(seed)
    network = QueryNet(force_branch=force_branch)  # type: ignore[arg-type]
    torch.nn.init.normal_(network.query_head.weight)
    assert network.query_head.bias is not None
    torch.nn.init.normal_(network.query_head.bias)
    return network


@pytest.mark.parametrize("force_branch", ["shared", "separate"])
def test_every_parameter_learns_and_no_head_takes_anothers_place(force_branch: str) -> None:
    network = with_queries(force_branch=force_branch)
    prediction = network(random_images())
    sizes = [tuple(value.shape[1:-2]) for value in prediction]
    assert sizes == [(), (3,), (16,), (18,)]
    sum(value.square().mean() for value in prediction).backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []
    network.zero_grad()
    network.eval()(random_images()).queries.sum().backward()
    reached = {
        name for name, value in network.named_parameters() if value.grad is not None and value.grad.any()
    }
    assert "query_head.bias" in reached
    assert not {"score_head.bias", "embedding_head.bias", "force_head.bias", "force_head.2.bias"} & reached


def test_windows_and_fusion_predict_the_same() -> None:
    network = with_queries().eval()
    images, corners = random_images(2, 120), torch.tensor([[3, 40], [60, 0]])
    with torch.inference_mode():
        prediction, quick = network(images, corners), fused(network)(images, corners)
    assert tuple(prediction.queries.shape) == (2, 18, 40, 40)
    for one, other in zip(prediction, quick, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("force_branch", ["shared", "separate"])
def test_weights_come_back_from_a_file(force_branch: str, tmp_path: Path) -> None:
    network = with_queries(force_branch=force_branch).eval()
    save_weights(tmp_path / "model.safetensors", network.state_dict())
    weights = load_file(tmp_path / "model.safetensors")
    assert QueryNet.holds(weights) and not QueryNet.holds(InteractionNet().state_dict())
    again = QueryNet.from_weights(weights).eval()
    with torch.inference_mode():
        for one, other in zip(network(random_images()), again(random_images()), strict=True):
            assert torch.equal(one, other)
    with pytest.raises(RuntimeError, match=r"query_head\.bias"):
        QueryNet.from_weights({name: value for name, value in weights.items() if name != "query_head.bias"})
