"""What is kept of a location to learn from."""

from dataclasses import dataclass
from typing import Literal, get_args

ViewChoice = Literal["first", "own"]
"""`first`: the view before any touch, with all touches, whatever they changed meanwhile (paper).
`own`: the view before the first attempt of each successful touch, with those touches of the location around
which nothing changed between the two; the first view where no touch succeeded."""

MaskChoice = Literal["aligned", "cleaned"]
"""`aligned`: B+ (paper). `cleaned`: `cleaned_mask` from before the first attempt at a point to after the
last; a successful touch without such a mask counts neither as a success nor as a failure. See
`selfsup.training_images.masks`."""

SuccessChoice = Literal["tested", "moved"]
"""`tested`: what the success test of the touch said (paper). `moved`: a point counts as a success as well if
none of its attempts passed the test but all together moved something around it; its mask is then the cleaned
one, and what its last attempt, the strongest, tells about the force is taken."""


@dataclass(frozen=True)
class TargetOptions:
    """What is kept of a location to learn from; by default as in the paper.

    Attributes:
        views: Which views are training images.
        masks: What the mask of a successful touch is.
        successes: Which touches are successful.
    """

    views: ViewChoice = "first"
    masks: MaskChoice = "aligned"
    successes: SuccessChoice = "tested"

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            ValueError: There is no such choice.
        """
        choices = {"views": ViewChoice, "masks": MaskChoice, "successes": SuccessChoice}
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value not in get_args(allowed):
                raise ValueError(f"unknown {name} {value!r}; choose one of {', '.join(get_args(allowed))}")
