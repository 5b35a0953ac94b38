"""The authors' released weights, stated on their own: names, shapes, and what is computed with them."""

import torch
from torch.nn import functional

PARAMETERS = 1_447_316


def released_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of everything in a released file."""
    shapes: dict[str, tuple[int, ...]] = {"coordinate_embedding_grid": (2, 100, 100)}

    def normalisation(name: str, width: int) -> None:
        for value in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{value}"] = (width,)
        shapes[f"{name}.num_batches_tracked"] = ()

    def convolution(name: str, outputs: int, inputs: int, size: int, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs, size, size)
        if bias:
            shapes[f"{name}.bias"] = (outputs,)

    convolution("backbone.conv1.0", 32, 4, 5, bias=False)
    normalisation("backbone.conv1.1", 32)
    for number, width in ((1, 32), (2, 64), (3, 128)):
        block = f"backbone.block{number}"
        convolution(f"{block}.first_conv.0", 2 * width, width, 3, bias=False)
        normalisation(f"{block}.first_conv.1", 2 * width)
        convolution(f"{block}.first_conv.3", width, 2 * width, 1, bias=False)
        normalisation(f"{block}.first_conv.4", width)
        convolution(f"{block}.second_conv.0", 2 * width, width, 3, bias=False)
        normalisation(f"{block}.second_conv.1", 2 * width)
    for number, inputs, lateral, outputs in ((1, 256, 128, 128), (2, 128, 64, 64), (3, 64, 32, 64)):
        up = f"backbone.upconv{number}"
        shapes[f"{up}.upconv.weight"] = (inputs, outputs, 2, 2)  # transposed: inputs first
        shapes[f"{up}.upconv.bias"] = (outputs,)
        convolution(f"{up}.conv.0", outputs, outputs + lateral, 3)
        normalisation(f"{up}.conv.1", outputs)
    convolution("head.0", 128, 64 + 2, 1)
    convolution("head.2", 16 + 1, 128, 1)
    convolution("mass_head.0", 128, 64, 1)
    convolution("mass_head.2", 3, 128, 1)
    return shapes


def random_weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights whose statistics and biases are not those of a fresh network."""
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, torch.Tensor] = {}
    for name, shape in released_shapes().items():
        if name.endswith("num_batches_tracked"):
            weights[name] = torch.tensor(25_000)
        elif name == "coordinate_embedding_grid":
            rows = torch.arange(100.0)[:, None].expand(100, 100)
            weights[name] = torch.stack((rows, rows.T))
        elif name.endswith("running_var"):
            weights[name] = torch.rand(shape, generator=generator) + 0.5
        elif len(shape) == 1:
            weights[name] = 0.3 * torch.randn(shape, generator=generator) + (".1.weight" in name)
        else:
            scale = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
            weights[name] = scale * torch.randn(shape, generator=generator)
    return weights


def forward(
    weights: dict[str, torch.Tensor], rgb: torch.Tensor, depth_frame: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What the released network says: scores, force logits, embeddings.

    Args:
        weights: A released file.
        rgb: (B, 3, 300, 300) in 0..1.
        depth_frame: (B, 300, 300), AI2-THOR's depth from the camera's plane.
    """

    def normalised(name, features):
        mean, variance, weight, bias = (
            weights[f"{name}.{value}"] for value in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.relu(functional.batch_norm(features, mean, variance, weight, bias, eps=1e-5))

    def convolved(name, features, **options):
        return functional.conv2d(features, weights[f"{name}.weight"], weights.get(f"{name}.bias"), **options)

    def down(name, features):
        inner = normalised(f"{name}.first_conv.1", convolved(f"{name}.first_conv.0", features, padding=1))
        inner = normalised(f"{name}.first_conv.4", convolved(f"{name}.first_conv.3", inner))
        outer = convolved(f"{name}.second_conv.0", features + inner, padding=1, stride=2)
        return normalised(f"{name}.second_conv.1", outer)

    def up(name, features, lateral):
        transposed = functional.conv_transpose2d(
            features, weights[f"{name}.upconv.weight"], weights[f"{name}.upconv.bias"], stride=2
        )
        surplus = transposed.shape[-1] - lateral.shape[-1]
        first, last = abs(surplus) // 2, abs(surplus) - abs(surplus) // 2
        if surplus > 0:
            transposed = transposed[:, :, first:-last, first:-last]
        if surplus < 0:
            lateral = lateral[:, :, first:-last, first:-last]
        fused = convolved(f"{name}.conv.0", torch.cat((transposed, lateral), 1))
        return normalised(f"{name}.conv.1", fused)

    offset = (torch.arange(300.0) - 149.5) / 150
    correction = (1 + offset[:, None] ** 2 + offset[None, :] ** 2) ** 0.5
    image = torch.cat((rgb, ((depth_frame - 0.1) * correction)[:, None]), 1)
    first = normalised("backbone.conv1.1", convolved("backbone.conv1.0", image, padding=2, stride=3))
    second = down("backbone.block1", first)
    third = down("backbone.block2", second)
    features = up("backbone.upconv1", down("backbone.block3", third), third)
    features = up("backbone.upconv2", features, second)
    features = up("backbone.upconv3", features, first)
    assert features.shape[-2:] == (86, 86)
    features = functional.interpolate(features, (100, 100), mode="bilinear", align_corners=False)
    grid = weights["coordinate_embedding_grid"].expand(len(image), -1, -1, -1)
    hidden = functional.relu(convolved("head.0", torch.cat((features, grid), 1)))
    outputs = convolved("head.2", hidden)
    forces = convolved("mass_head.2", functional.relu(convolved("mass_head.0", features)))
    return outputs[:, 16], forces, outputs[:, :16]
