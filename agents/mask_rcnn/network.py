"""Mask R-CNN with a ResNet-18 feature pyramid on RGB-D, from scratch (paper section 5, rows b, h, i and j).

The parts are torchvision's. The differences: four input channels, widths and anchors for views of 300 x 300
pixels, group normalisation in pyramid and mask head (training from scratch with small batches needs some
normalisation there), geometry in float32 even if the convolutions use bf16, and the choice of the loss
of the masks.
"""

from typing import Any, Literal

import gymnasium.error
import torch
from torch import Tensor, nn
from torch.nn import functional

from agents.base import MAX_INSTANCES
from agents.mask_rcnn.configuration import MaskRCNNConfig
from agents.mask_rcnn.robust_set_loss import robust_targets
from agents.selfsup_agent.network import IMAGE_CHANNELS

try:
    from torchvision.models import resnet18
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.backbone_utils import BackboneWithFPN
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
    from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss, project_masks_on_boxes
    from torchvision.models.detection.rpn import AnchorGenerator, RPNHead
    from torchvision.ops import MultiScaleRoIAlign
except ImportError as error:
    raise gymnasium.error.DependencyNotInstalled(
        'Mask R-CNN needs torchvision; install it with `pip install "thor-interact[baselines]"`.'
    ) from error

MaskLoss = Literal["pixel", "robust"]

ANCHOR_SIZES = ((14,), (32,), (64,), (128,), (256,))
"""Pixels, at the five levels of the pyramid: an object of 10..300 pixels is near one of them."""

ANCHOR_RATIOS = (0.5, 1.0, 2.0)

IMAGE_MEAN = (0.485, 0.456, 0.406, 1.8)
"""Subtracted from RGB in 0..1 (ImageNet's) and from depth in metres (between reach and the walls)."""

IMAGE_DEVIATION = (0.229, 0.224, 0.225, 1.2)


SCORE_THRESHOLD = 0.01
"""Instances with a lower score are omitted; average precision gains from low scores."""


def build_mask_rcnn(config: MaskRCNNConfig) -> MaskRCNN:
    """Return a network with random weights, drawn from torch's global generator.

    Args:
        config: Determines its size, its classes and its mask loss.

    Returns:
        A torchvision `MaskRCNN`: called with a list of (4, h, w) float32 images (RGB in 0..1 and depth in
        metres; see `agents.selfsup_agent.network.image_tensor`), and in training with torchvision's targets
        (boxes, labels from 1, masks), it returns losses in training and detections in evaluation mode.
    """
    schedule = config.schedule
    classes = 1 + (3 if config.mass else 1)  # with the background
    channels, levels = schedule.channels, ["0", "1", "2", "3"]
    model = MaskRCNN(
        _Backbone(channels),
        min_size=schedule.image_size,
        max_size=schedule.image_size,
        image_mean=list(IMAGE_MEAN),
        image_std=list(IMAGE_DEVIATION),
        rpn_anchor_generator=AnchorGenerator(ANCHOR_SIZES, (ANCHOR_RATIOS,) * len(ANCHOR_SIZES)),
        rpn_head=_RegionHead(channels, len(ANCHOR_RATIOS)),
        rpn_pre_nms_top_n_train=2 * schedule.proposals,
        rpn_post_nms_top_n_train=schedule.proposals,
        rpn_pre_nms_top_n_test=schedule.proposals,
        rpn_post_nms_top_n_test=schedule.proposals // 2,
        box_roi_pool=MultiScaleRoIAlign(levels, 7, 2),
        box_head=TwoMLPHead(channels * 7 * 7, schedule.box_features),
        box_predictor=_BoxPredictor(schedule.box_features, classes),
        box_score_thresh=SCORE_THRESHOLD,
        box_detections_per_img=MAX_INSTANCES,
        box_batch_size_per_image=schedule.boxes_per_image,
        mask_roi_pool=MultiScaleRoIAlign(levels, 14, 2),
        mask_head=MaskRCNNHeads(channels, (schedule.mask_channels,) * 4, 1, norm_layer=_group_norm),
        mask_predictor=_MaskPredictor(schedule.mask_channels, schedule.mask_channels, classes),
    )
    model.roi_heads = _MaskRoIHeads(model.roi_heads, schedule.boxes_per_image, config.loss)
    return model


def mask_loss(logits: Tensor, targets: Tensor, kind: MaskLoss) -> Tensor:
    """Return the cross-entropy of predicted masks with their targets, or with targets near to both.

    Args:
        logits: (n, h, w) foreground logits.
        targets: (n, h, w) float in 0..1, the fraction of each cell that the given mask covers.
        kind: `pixel` takes the targets as they are, `robust` those of `robust_targets`.

    Returns:
        Scalar; 0 without masks.
    """
    if not len(logits):
        return logits.sum() * 0
    if kind == "robust":
        targets = robust_targets(logits, targets >= 0.5).to(logits)
    return functional.binary_cross_entropy_with_logits(logits, targets)


def _group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // 8, channels)


class _Backbone(BackboneWithFPN):
    """ResNet-18 and its pyramid, whose features are float32: anchors and boxes take their dtype from them."""

    def __init__(self, channels: int) -> None:
        body = resnet18(weights=None)
        body.conv1 = nn.Conv2d(IMAGE_CHANNELS, 64, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(body.conv1.weight, mode="fan_out", nonlinearity="relu")
        layers = {f"layer{number}": str(number - 1) for number in range(1, 5)}
        super().__init__(body, layers, [64, 128, 256, 512], channels, norm_layer=_group_norm)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = super().forward(images)
        return {name: level.float() for name, level in features.items()}


class _RegionHead(RPNHead):
    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        scores, offsets = super().forward(features)
        return [score.float() for score in scores], [offset.float() for offset in offsets]


class _BoxPredictor(FastRCNNPredictor):
    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        scores, offsets = super().forward(features)
        return scores.float(), offsets.float()


class _MaskPredictor(MaskRCNNPredictor):
    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features).float()


class _MaskRoIHeads(RoIHeads):
    """torchvision's heads on regions, with a choice of the mask loss."""

    def __init__(self, heads: RoIHeads, boxes_per_image: int, loss: MaskLoss) -> None:
        super().__init__(
            heads.box_roi_pool,
            heads.box_head,
            heads.box_predictor,
            fg_iou_thresh=0.5,
            bg_iou_thresh=0.5,
            batch_size_per_image=boxes_per_image,
            positive_fraction=0.25,
            bbox_reg_weights=None,
            score_thresh=heads.score_thresh,
            nms_thresh=heads.nms_thresh,
            detections_per_img=heads.detections_per_img,
            mask_roi_pool=heads.mask_roi_pool,
            mask_head=heads.mask_head,
            mask_predictor=heads.mask_predictor,
        )
        self._loss = loss

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Return detections in evaluation mode; otherwise the losses of boxes, classes and masks."""
        if not self.training:
            detections: tuple[Any, Any] = super().forward(features, proposals, image_shapes, targets)
            return detections
        assert targets is not None
        chosen, matches, labels, offsets = self.select_training_samples(proposals, targets)
        pooled = self.box_roi_pool(features, chosen, image_shapes)
        scores, predicted = self.box_predictor(self.box_head(pooled))
        class_loss, box_loss = fastrcnn_loss(scores, predicted, labels, offsets)
        on_object = [label > 0 for label in labels]
        boxes = [box[positive] for box, positive in zip(chosen, on_object, strict=True)]
        logits = self.mask_predictor(self.mask_head(self.mask_roi_pool(features, boxes, image_shapes)))
        kinds = torch.cat([label[positive] for label, positive in zip(labels, on_object, strict=True)])
        logits = logits[torch.arange(len(kinds), device=kinds.device), kinds]
        wanted = [
            project_masks_on_boxes(target["masks"], box, match[positive], logits.shape[-1])
            for target, box, match, positive in zip(targets, boxes, matches, on_object, strict=True)
            if len(box)
        ]
        masks = torch.cat(wanted) if wanted else logits.new_zeros(logits.shape)
        return [], {
            "loss_classifier": class_loss,
            "loss_box_reg": box_loss,
            "loss_mask": mask_loss(logits, masks, self._loss),
        }
