"""From images to supervision, and from supervision to gradients.

The package depends on no simulator and no agent: from the images before and after a touch it computes
what moved (`change`, `superpixels`, `feedback`), keeps what was learned from touching
(`memory_bank`), and turns it into targets and gradients for a network (`augmentation`, `targets`,
`losses`). Only `targets` and `losses` import torch.

Images are 300 x 300 pixels. Everything is learned on a grid of 100 x 100 cells of 3 x 3 pixels.
"""
