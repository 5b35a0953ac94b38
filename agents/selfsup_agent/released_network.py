"""The network as the paper's authors released it, under the names of their weights.

It differs from the paper's text (`agents.selfsup_agent.network.InteractionNet`) in its padding, its biases,
its heads, and the definition of its depth channel. Trained weights are imported with
`agents.selfsup_agent.importing`.
"""

import math
from collections.abc import Mapping
from typing import Self, cast

import torch
from torch import Tensor, nn

from agents.selfsup_agent.network import (
    EMBEDDING_SIZE,
    FEATURES,
    IMAGE_CHANNELS,
    Prediction,
    PredictionNetwork,
    check_images,
)
from selfsup.grid import GRID, IMAGE_SIZE
from thor_interact_env.actions import FIELD_OF_VIEW, FORCES

NEAR_PLANE = 0.1
"""Distance in metres of the near plane of AI2-THOR's camera."""

FAR_PLANE = 20.0
"""Distance in metres of its far plane."""

COORDINATES = "coordinate_embedding_grid"
"""Name of the buffer of coordinates, which identifies the released weights."""


def ray_lengths() -> Tensor:
    """Return the factors from plane depth to distance from the camera: (300, 300) float32, 1 or more.

    It is sqrt(1 + (x^2 + y^2) / f^2), with x and y in pixels from the centre of the image and the focal
    length f in pixels: 150 for the field of view of 90 degrees.
    """
    focal_length = IMAGE_SIZE / 2 / math.tan(math.radians(FIELD_OF_VIEW) / 2)
    offset = torch.arange(IMAGE_SIZE, dtype=torch.float64) - (IMAGE_SIZE - 1) / 2
    return (1 + (offset[:, None] ** 2 + offset[None, :] ** 2) / focal_length**2).sqrt().float()


def _convolution(
    inputs: int, outputs: int, size: int, stride: int = 1, padding: int = 0, bias: bool = False
) -> list[nn.Module]:
    """Return a convolution, its batch normalisation and a ReLU."""
    return [
        nn.Conv2d(inputs, outputs, size, stride, padding, bias=bias),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


class _DownBlock(nn.Module):
    """3x3 and 1x1 back to the input's width, plus the input; then 3x3 with stride 2."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.first_conv = nn.Sequential(
            *_convolution(inputs, 2 * inputs, 3, padding=1), *_convolution(2 * inputs, inputs, 1)
        )
        self.second_conv = nn.Sequential(*_convolution(inputs, 2 * inputs, 3, stride=2, padding=1))

    def forward(self, features: Tensor) -> Tensor:
        return cast(Tensor, self.second_conv(features + self.first_conv(features)))


class _UpBlock(nn.Module):
    """2x2 transposed convolution with stride 2, concatenation with lateral features, 3x3 without padding."""

    def __init__(self, inputs: int, lateral: int, outputs: int) -> None:
        super().__init__()
        self.upconv = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        self.conv = nn.Sequential(*_convolution(outputs + lateral, outputs, 3, bias=True))

    def forward(self, features: Tensor, lateral: Tensor) -> Tensor:
        upsampled = self.upconv(features)
        side = min(upsampled.shape[-1], lateral.shape[-1])
        both = (_centre(upsampled, side), _centre(lateral.to(upsampled.dtype), side))
        return cast(Tensor, self.conv(torch.cat(both, dim=1)))


def _centre(features: Tensor, side: int) -> Tensor:
    """Return the central part of square maps; of an odd surplus the larger half is cropped at the end."""
    start = (features.shape[-1] - side) // 2
    return features[..., start : start + side, start : start + side]


class _Backbone(nn.Module):
    """From (B, 4, 300, 300) to 64 features at 100 x 100."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(*_convolution(IMAGE_CHANNELS, 32, 5, stride=3, padding=2))
        self.block1 = _DownBlock(32)
        self.block2 = _DownBlock(64)
        self.block3 = _DownBlock(128)
        self.upconv1 = _UpBlock(256, 128, 128)
        self.upconv2 = _UpBlock(128, 64, 64)
        self.upconv3 = _UpBlock(64, 32, 64)

    def forward(self, images: Tensor) -> Tensor:
        full = self.conv1(images)  # 100 x 100
        half = self.block1(full)  # 50 x 50
        quarter = self.block2(half)  # 25 x 25
        features = self.upconv1(self.block3(quarter), quarter)  # from 13 x 13 to 23 x 23
        features = self.upconv2(features, half)  # 44 x 44
        features = self.upconv3(features, full)  # 86 x 86
        return nn.functional.interpolate(features, size=(GRID, GRID), mode="bilinear", align_corners=False)


class ReleasedNet(PredictionNetwork):
    """The authors' network: names and shapes of its state dict are those of their released weights.

    Where it differs from `InteractionNet`: the 5x5 convolution is padded by 2; the 3x3 convolutions of the
    up-modules are not padded and have biases, the larger of the two tensors they join is cropped around its
    centre, and the result of 86 x 86 cells is resized to 100 x 100; there is no batch normalisation in the
    heads; one head, which also reads the row and the column of each cell (0..99), gives the embedding
    (channels 0-15) and the score (channel 16), another one, without coordinates, the forces.

    Its depth channel is that of the authors, `(depth_frame - 0.1) * c`, where `depth_frame` is AI2-THOR's and
    c is `ray_lengths`: the distance from where the pixel's ray crosses the near plane. AI2-THOR's shader
    scales the distance z from the camera's plane to `depth_frame = z * (20 - 0.1) / 20`, and z is our depth
    divided by c. So the network makes `0.995 * depth - 0.1 * c` of metres from the camera.

    Attributes:
        backbone: Images to 64 features a cell.
        head: Features and coordinates to embedding and score.
        mass_head: Features to force logits; called `force_head` by the training, as in every network.
    """

    def __init__(self) -> None:
        """Make a network with torch's default random weights, drawn from its global generator."""
        super().__init__()
        self.backbone = _Backbone()
        self.head = nn.Sequential(
            nn.Conv2d(64 + 2, FEATURES, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(FEATURES, EMBEDDING_SIZE + 1, 1),
        )
        self.mass_head = nn.Sequential(
            nn.Conv2d(64, FEATURES, 1), nn.ReLU(inplace=True), nn.Conv2d(FEATURES, len(FORCES), 1)
        )
        # A second name of a module must not be registered, or the state dict would have it twice.
        self.__dict__["force_head"] = self.mass_head
        axis = torch.arange(GRID, dtype=torch.float32)
        self.coordinate_embedding_grid: Tensor
        self.register_buffer(COORDINATES, torch.stack(torch.meshgrid(axis, axis, indexing="ij")))
        self.ray_lengths: Tensor
        self.register_buffer("ray_lengths", ray_lengths(), persistent=False)

    @classmethod
    def from_weights(cls, weights: Mapping[str, Tensor]) -> Self:
        """Return a network with these weights.

        Args:
            weights: Values of `state_dict()`.

        Raises:
            RuntimeError: A value is missing, unknown, or of another shape.
        """
        network = cls()
        network.load_state_dict(weights)
        return network

    def stages(self) -> dict[str, nn.Module]:
        """Return the stem, the blocks down and up, and what the embedding's head reads."""
        backbone = self.backbone
        return {
            "stem": backbone.conv1,
            "down 1": backbone.block1,
            "down 2": backbone.block2,
            "down 3": backbone.block3,
            "up 1": backbone.upconv1,
            "up 2": backbone.upconv2,
            "up 3": backbone.upconv3,
            "projection": self.head[1],
        }

    def forward(self, images: Tensor) -> Prediction:
        """Predict for a batch of images.

        Args:
            images: (B, 4, 300, 300) float32, as made by `agents.selfsup_agent.network.image_tensor`: depth in
                metres from the camera.

        Returns:
            Scores, force logits and embeddings, float32 also under autocast.

        Raises:
            ValueError: The images do not have this shape.
        """
        check_images(images)
        scale = (FAR_PLANE - NEAR_PLANE) / FAR_PLANE
        depth = scale * images[:, 3:] - NEAR_PLANE * self.ray_lengths
        features = self.backbone(torch.cat((images[:, :3], depth), dim=1))
        # In bf16 neighbouring scores would tie.
        with torch.autocast(images.device.type, enabled=False):
            features = features.float()
            grid = self.coordinate_embedding_grid.expand(len(features), -1, -1, -1)
            outputs = self.head(torch.cat((features, grid), dim=1))
            force_logits = self.mass_head(features)
        return Prediction(outputs[:, EMBEDDING_SIZE], force_logits, outputs[:, :EMBEDDING_SIZE])
