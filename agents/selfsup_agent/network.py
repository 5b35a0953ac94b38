"""The network: from one RGB-D image to interaction scores, force logits and embeddings (paper appendix A)."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Literal, NamedTuple, Protocol, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from selfsup.grid import GRID, IMAGE_SIZE, STRIDE
from thor_interact_env.actions import FORCES

ForceBranch = Literal["shared", "separate"]
"""`shared`: the force head reads the 128 channels that the other heads read (paper appendix A).
`separate`: it has a hidden layer of its own on the 64 channels of the backbone, without coordinates
(authors' code)."""

View = tuple[npt.NDArray[np.uint8], npt.NDArray[np.floating]]
"""RGB, (rows, columns, 3), and depth of an image, (rows, columns), metres from the camera."""

IMAGE_CHANNELS = 4
EMBEDDING_SIZE = 16
FEATURES = 128
"""Channels that the prediction heads read."""


class CellPrediction(Protocol):
    """What every network says about each cell of the grid: a named tuple of float32 tensors.

    Attributes:
        scores: (B, 100, 100) logits.
        force_logits: (B, 3, 100, 100) logits.
        embeddings: (B, C, 100, 100).
    """

    @property
    def scores(self) -> Tensor:
        """How promising a touch is."""

    @property
    def force_logits(self) -> Tensor:
        """Which force it takes."""

    @property
    def embeddings(self) -> Tensor:
        """Close together on one object."""


class Prediction(NamedTuple):
    """The network's output for each cell of the grid, in float32.

    Attributes:
        scores: (B, 100, 100) logits: the sigmoid is the predicted probability of success.
        force_logits: (B, 3, 100, 100) logits of the three forces; the highest is the predicted one.
        embeddings: (B, 16, 100, 100), close together (squared distance below 1) on one object.
    """

    scores: Tensor
    force_logits: Tensor
    embeddings: Tensor


def image_tensor(rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.floating]) -> Tensor:
    """Return the network's input for one view.

    Args:
        rgb: (300, 300, 3) uint8.
        depth: (300, 300) float16 or float32, metres from the camera.

    Returns:
        (4, 300, 300) float32: RGB in 0..1 and depth in metres, stored with the channels last in memory.

    Raises:
        ValueError: An array does not have its shape.
    """
    return image_batch([(rgb, depth)])[0]


def image_batch(views: Sequence[View], side: int = GRID) -> Tensor:
    """Return the network's input for several views, each written once into the memory of the batch.

    Args:
        views: RGB and depth of each; see `image_tensor`.
        side: n, cells along a side of each: 100, or fewer where they are windows.

    Returns:
        (B, 4, 3 n, 3 n) float32, laid out with the channels last in memory.

    Raises:
        ValueError: An array does not have its shape.
    """
    size = (STRIDE * side, STRIDE * side)
    images = np.empty((len(views), *size, IMAGE_CHANNELS), np.float32)
    for image, (rgb, depth) in zip(images, views, strict=True):
        if rgb.shape != (*size, 3) or depth.shape != size:
            raise ValueError(
                f"rgb has shape {rgb.shape} and depth {depth.shape}; they must be {(*size, 3)} and {size}"
            )
        np.multiply(rgb, np.float32(1 / 255), out=image[..., :3], casting="unsafe")
        image[..., 3] = depth
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def check_images(images: Tensor, corners: Tensor | None = None) -> None:
    """Check the shape of a network's input.

    Args:
        images: What must be (B, 4, 300, 300), or windows of it: (B, 4, 3 n, 3 n), n up to 100.
        corners: Of windows, their first cells, which must be (B, 2).

    Raises:
        ValueError: They are not.
    """
    side = IMAGE_SIZE
    if corners is not None and images.ndim == 4 and images.shape[-1] % STRIDE == 0:
        side = min(images.shape[-1], IMAGE_SIZE)
    if images.ndim != 4 or images.shape[1:] != (IMAGE_CHANNELS, side, side):
        raise ValueError(
            f"images have shape {tuple(images.shape)}; "
            f"they must be (B, {IMAGE_CHANNELS}, {IMAGE_SIZE}, {IMAGE_SIZE}), or square windows of it "
            f"of a multiple of {STRIDE} pixels, with their corners"
        )
    if corners is not None and corners.shape != (len(images), 2):
        raise ValueError(f"corners have shape {tuple(corners.shape)}; they must be {(len(images), 2)}")


COORDINATE_RANGE = 4.0
"""Rows and columns range from minus to plus this. They are concatenated with 64 features of about unit size:
with a range of 1 they have too little weight, and equal objects in different places get equal embeddings."""


def coordinate_grid() -> Tensor:
    """Return the position of each grid cell: (2, 100, 100) float32, row and column from -4 to 4.

    The first and last cell of each axis are at the ends of the range.
    """
    axis = torch.linspace(-COORDINATE_RANGE, COORDINATE_RANGE, GRID)
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij"))


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution with batch normalisation and ReLU."""
    # With padding 1 the 5x5 window of cell i is centred on pixel 3 i + 1, the centre of the cell.
    padding = 0 if size == 1 else 1
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _DownBlock(nn.Module):
    """3x3, 1x1 back to the input's width, plus the input; then 3x3 with stride 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(_convolution(inputs, outputs, 3), _convolution(outputs, inputs, 1))
        self.reduction = _convolution(inputs, outputs, 3, stride=2)

    def forward(self, features: Tensor) -> Tensor:
        return cast(Tensor, self.reduction(features + self.residual(features)))


class _UpBlock(nn.Module):
    """2x2 transposed convolution with stride 2, concatenation with lateral features, 3x3."""

    def __init__(self, inputs: int, lateral: int, outputs: int) -> None:
        super().__init__()
        self.upsampling = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        # Start as nearest-neighbour upsampling. Four independent random kernels produce a checkerboard
        # in the embeddings, which splits masks for the first thousands of images.
        with torch.no_grad():
            self.upsampling.weight.copy_(self.upsampling.weight[..., :1, :1].expand(-1, -1, 2, 2))
        self.fusion = _convolution(outputs + lateral, outputs, 3)

    def forward(self, features: Tensor, lateral: Tensor) -> Tensor:
        # 13 cells become 26 where the lateral features have 25: the surplus row and column are cropped.
        height, width = lateral.shape[-2:]
        upsampled = self.upsampling(features)[..., :height, :width]
        return cast(Tensor, self.fusion(torch.cat((upsampled, lateral.to(upsampled.dtype)), dim=1)))


class PredictionNetwork(nn.Module):
    """Any network that makes a `Prediction` of images (B, 4, 300, 300), as made by `image_tensor`.

    Attributes:
        force_head: The part that is trained while the detection part is frozen.
    """

    force_head: nn.Module

    @property
    def parameter_count(self) -> int:
        """Number of trainable values."""
        return sum(parameter.numel() for parameter in self.parameters())

    def stages(self) -> dict[str, nn.Module]:
        """Return the parts of the network in the order in which an image passes them, by name.

        Each makes one tensor (B, features, rows, columns).
        """
        raise NotImplementedError(f"{type(self).__name__} does not name its stages")

    def upsampling_kernels(self) -> list[nn.Parameter]:
        """Return the weights of the transposed convolutions, each (inputs, outputs, 2, 2)."""
        return [
            cast(nn.Parameter, module.weight)
            for module in self.modules()
            if isinstance(module, nn.ConvTranspose2d)
        ]


Network = TypeVar("Network", bound=PredictionNetwork)


def fused(network: Network) -> Network:
    """Return a copy of a network for inference, with batch normalisation inside the convolutions before it.

    It predicts what the network predicts in evaluation mode, within rounding, in less time: the normalisation
    of a map costs as much as reading and writing it.

    Args:
        network: A network of any variant; it is not changed.

    Returns:
        The copy, in evaluation mode, on the same device.
    """
    copy = deepcopy(network).eval()
    for part in list(copy.modules()):
        if not isinstance(part, nn.Sequential):
            continue
        for index in range(len(part) - 1):
            convolution, normalisation = part[index], part[index + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
                part[index] = fuse_conv_bn_eval(convolution, normalisation)
                part[index + 1] = nn.Identity()
    return copy


class InteractionTrunk(PredictionNetwork):
    """All but the output of the paper's network (appendix A), for networks that add heads to its own.

    A 5x5 convolution with stride 3 brings the image to the 100 x 100 grid; three blocks with stride 2 (to
    50, 25 and 13 cells) and three up-modules with lateral connections follow. One output sees 137 x 137
    pixels.

    Attributes:
        score_head: Of the interaction score.
        embedding_head: Of the embedding.
        force_head: The part that is trained while the detection part is frozen.
    """

    def __init__(self, embedding_size: int = EMBEDDING_SIZE, force_branch: ForceBranch = "shared") -> None:
        """Make a network with random weights, drawn from torch's global generator.

        Args:
            embedding_size: Components of an embedding.
            force_branch: What the force head reads; see `ForceBranch`.

        Raises:
            ValueError: The embedding has no component, or there is no such branch.
        """
        super().__init__()
        if embedding_size < 1:
            raise ValueError(f"embedding_size is {embedding_size}; it must be at least 1")
        if force_branch not in ("shared", "separate"):
            raise ValueError(f"unknown force_branch {force_branch!r}; choose 'shared' or 'separate'")
        self.force_branch: ForceBranch = force_branch
        self.stem = _convolution(IMAGE_CHANNELS, 32, 5, stride=3)
        self.down = nn.ModuleList([_DownBlock(32, 64), _DownBlock(64, 128), _DownBlock(128, 256)])
        self.up = nn.ModuleList([_UpBlock(256, 128, 128), _UpBlock(128, 64, 64), _UpBlock(64, 32, 64)])
        self.projection = _convolution(64 + 2, FEATURES, 1)
        self.score_head = nn.Conv2d(FEATURES, 1, 1)
        self.embedding_head = nn.Conv2d(FEATURES, embedding_size, 1)
        self.force_head: nn.Module = nn.Conv2d(FEATURES, len(FORCES), 1)
        if force_branch == "separate":
            self.force_head = nn.Sequential(
                nn.Conv2d(64, FEATURES, 1), nn.ReLU(inplace=True), nn.Conv2d(FEATURES, len(FORCES), 1)
            )
        self.coordinates: Tensor
        self.register_buffer("coordinates", coordinate_grid(), persistent=False)

    @classmethod
    def from_weights(cls, weights: Mapping[str, Tensor]) -> Self:
        """Return the network that a state dict belongs to, with its weights.

        Args:
            weights: Values of `state_dict()`; they determine the size of the embedding and the force branch.

        Raises:
            KeyError: It lacks the embedding head.
            RuntimeError: A value is missing, unknown, or of another shape.
        """
        size = len(weights["embedding_head.weight"])
        network = cls(size, "shared" if "force_head.weight" in weights else "separate")
        network.load_state_dict(weights)
        return network

    def stages(self) -> dict[str, nn.Module]:
        """Return the stem, the blocks down and up, and the projection that all heads read."""
        blocks = [*self.down, *self.up]
        names = [f"{way} {number}" for way in ("down", "up") for number in (1, 2, 3)]
        return {
            "stem": self.stem,
            **dict(zip(names, blocks, strict=True)),
            "projection": self.projection,
        }

    def head_maps(
        self, images: Tensor, corners: Tensor | None = None, further: Sequence[nn.Conv2d] = ()
    ) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
        """Return the output of every head for a batch of images.

        Args:
            images: (B, 4, 300, 300) float32, as made by `image_tensor`; or windows of n x n cells of such
                images, (B, 4, 3 n, 3 n).
            corners: Of windows, row and column of their first cell in the image's grid, (B, 2) int64: cells
                have coordinates in the image.
            further: 1x1 convolutions beside the paper's heads that read the same 128 channels.

        Returns:
            Scores, force logits and embeddings as in `Prediction`, and (B, outputs, 100, 100) of each further
            head; float32 also under autocast; n x n for windows.

        Raises:
            ValueError: The images or corners do not have these shapes.
        """
        check_images(images, corners)
        features = self.stem(images)
        laterals = []
        for down in self.down:
            laterals.append(features)
            features = down(features)
        for up in self.up:
            features = up(features, laterals.pop())
        grid = self._positions(corners, features.shape[-1]).to(features.dtype)
        grid = grid.expand(len(features), -1, -1, -1)
        outputs = self.projection(torch.cat((features, grid), dim=1))
        # In bf16 neighbouring scores would tie. One product of all heads costs half of three of them.
        with torch.autocast(images.device.type, enabled=False):
            outputs = outputs.float()
            heads = [self.score_head, self.embedding_head, *further]
            if isinstance(self.force_head, nn.Conv2d):
                heads.append(self.force_head)
            weight = torch.cat([head.weight for head in heads])
            bias = torch.cat([cast(Tensor, head.bias) for head in heads])
            widths = [head.out_channels for head in heads]
            # A matrix product: on CPUs its backward pass is several times faster than a 1x1 convolution's.
            product = nn.functional.linear(outputs.permute(0, 2, 3, 1), weight.flatten(1), bias)
            scores, embeddings, *others = product.permute(0, 3, 1, 2).split(widths, dim=1)
            separate = len(others) == len(further)
            force_logits = self.force_head(features.float()) if separate else others.pop()
        return scores.squeeze(1), force_logits, embeddings, others

    def _positions(self, corners: Tensor | None, side: int) -> Tensor:
        """Return where in the image each cell is: (1, 2, 100, 100), or for windows (B, 2, side, side)."""
        if corners is None:
            return self.coordinates[None]
        cells = corners[..., None] + torch.arange(side, device=corners.device)
        rows, columns = self.coordinates[0, :, 0][cells].unbind(1)
        return torch.stack(
            (rows[:, :, None].expand(-1, -1, side), columns[:, None].expand(-1, side, -1)), dim=1
        )


class InteractionNet(InteractionTrunk):
    """The paper's 1.4M parameter network (appendix A): interaction scores, force logits and embeddings."""

    def forward(self, images: Tensor, corners: Tensor | None = None) -> Prediction:
        """Predict for a batch of images; see `head_maps` for arguments and errors.

        Returns:
            Scores, force logits and embeddings, float32 also under autocast; n x n for windows.
        """
        scores, force_logits, embeddings, _ = self.head_maps(images, corners)
        return Prediction(scores, force_logits, embeddings)
