"""Objects of paper, card and foil: books, boxes, rolls, cards."""

import numpy as np

from thor_interact_env.simulators.mujoco.exact import length
from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.parts import block, can, fitted, thin
from thor_interact_env.simulators.mujoco.palette import (
    PAGES,
    PALE,
    STEEL,
    contrast,
    glaze,
    paint,
    pick,
    shade,
)
from thor_interact_env.simulators.mujoco.shapes import (
    MEDIUM,
    SMALL,
    Blueprint,
    Mesh,
    Vector,
    box,
    cylinder,
    extrude,
    lathe,
)

Rng = np.random.Generator


def book(rng: Rng, size: Vector) -> Blueprint:
    """A closed book, hard or soft, with a title panel or a band on its cover."""
    x, y, z = size
    thick, edge = z * float(rng.uniform(0.06, 0.16)), float(rng.uniform(0.93, 0.99))
    covers = [
        box((x, y, thick), (0, 0, thick / 2)),
        box((x, y, thick), (0, 0, z - thick / 2)),
        box((x * 0.03, y, z), (-x * 0.485, 0, z / 2)),
    ]
    pages = box((x * (edge - 0.02), y * edge, z - 2 * thick), (0, 0, z / 2))
    wide, high = float(rng.uniform(0.3, 0.85)), float(rng.uniform(0.12, 0.5))
    title = box((x * wide, y * high, 0.001), (0.02 * x, y * float(rng.uniform(-0.2, 0.25)), z))
    cover = paint(rng, None, str(rng.choice(["plain", "label", "stripes", "dots", "leaves"])), max(x, y))
    printed = paint(rng, contrast(rng, cover.colours[0]), str(rng.choice(["plain", "label"])), 0.2)
    return fitted(size, [(covers, cover), ((pages,), PAGES), ((title,), printed)], [block(thin(size))])


def newspaper(rng: Rng, size: Vector) -> Blueprint:
    """A newspaper, folded: sheets of uneven edges, with a coloured heading or picture."""
    x, y, z = size
    sheets = [
        box(
            (x * float(rng.uniform(0.95, 1)), y * float(rng.uniform(0.94, 1)), z / 4),
            (0, 0, z * (index + 0.5) / 4),
        )
        for index in range(4)
    ]
    paper = pick(rng, [(0.85, 0.84, 0.8), (0.72, 0.7, 0.64), (0.9, 0.74, 0.62), (0.72, 0.78, 0.82)])
    ink = Material(
        "label", (paper, shade(paper, 0.6)), float(rng.uniform(0.1, 0.22)), 0.0, int(rng.integers(1 << 30))
    )
    head = box((x * float(rng.uniform(0.08, 0.2)), y * 0.86, 0.001), (x * 0.36, 0, z))
    photo = box(
        (x * float(rng.uniform(0.2, 0.4)), y * float(rng.uniform(0.3, 0.6)), 0.001),
        (x * float(rng.uniform(-0.2, 0.0)), y * float(rng.uniform(-0.15, 0.15)), z),
    )
    printed = paint(rng, None, str(rng.choice(["plain", "marble", "leaves"])), 0.2, 0.0)
    return fitted(size, [(sheets, ink), ((head, photo), printed)], [block(thin(size))])


def carton(rng: Rng, size: Vector) -> Blueprint:
    """A cardboard box: open, open with flaps, or taped shut; some are printed or gift-wrapped."""
    x, y, z = size
    card = pick(rng, [(0.66, 0.49, 0.31), (0.77, 0.62, 0.43), (0.55, 0.4, 0.26), (0.85, 0.83, 0.8)])
    cardboard = paint(rng, card, "speckle", 0.5, 0.02)
    if rng.random() < 0.35:
        cardboard = paint(rng, None, str(rng.choice(["plain", "stripes", "dots", "checks"])), 0.3, 0.1)
    tape = float(rng.uniform(0.04, 0.08))
    sign = box(
        (x * float(rng.uniform(0.2, 0.5)), y * 1.004, z * float(rng.uniform(0.2, 0.5))), (0, 0, z * 0.45)
    )
    if rng.random() < 0.5:
        high = z * float(rng.uniform(0.72, 1.0))
        walls = [box((x * 0.94, 0.008, high), (0, side * (y * 0.47 - 0.004), high / 2)) for side in (-1, 1)]
        walls += [box((0.008, y * 0.94, high), (side * (x * 0.47 - 0.004), 0, high / 2)) for side in (-1, 1)]
        walls.append(box((x * 0.94, y * 0.94, 0.01), (0, 0, 0.005)))
        inside: list[Mesh] = []
        if high < 0.95 * z:
            lean = float(rng.uniform(0.05, 0.3))
            flap = length((z - high, lean * 0.06))
            walls += [
                box((x * 0.9, 0.006, flap), (0, 0, flap / 2)).moved(
                    (0, side * y * 0.46, high - 0.002), pitch=-side * lean
                )
                for side in (-1, 1)
            ]
        inside.append(box((x * 0.9, y * 0.9, 0.006), (0, 0, high * float(rng.uniform(0.2, 0.7)))))
        visuals = [(walls, cardboard), (inside, paint(rng, None, "speckle", 0.1, 0.02))]
    else:
        straps = [box((x * 1.003, tape, z * 1.002), (0, 0, z / 2))]
        if rng.random() < 0.4:
            straps.append(box((tape, y * 1.003, z * 1.002), (0, 0, z / 2)))
        visuals = [([box(size, (0, 0, z / 2))], cardboard), (straps, paint(rng, gloss=0.4))]
        if rng.random() < 0.5:
            visuals.append(([sign], paint(rng, None, "label", 0.25, 0.05)))
    return fitted(size, visuals, [block(size)])


def tissue_box(rng: Rng, size: Vector) -> Blueprint:
    """A printed box with a tissue sticking out of its oval opening."""
    high = float(rng.uniform(0.6, 0.85))
    body = box((1, 1, high), (0, 0, high / 2))
    opening = cylinder(0.5, 0.01, (0, 0, high), MEDIUM).scaled((float(rng.uniform(0.4, 0.75)), 0.35, 1))
    lean, wide = float(rng.uniform(-0.15, 0.15)), float(rng.uniform(0.12, 0.28))
    fan = [
        (-0.05, 0.0),
        (0.05, 0.0),
        (wide + lean, 1 - high),
        (lean, 0.75 * (1 - high)),
        (lean - wide, 1 - high),
    ]
    sheet = extrude(fan, 0.06).moved((0, 0.03, high), pitch=np.pi / 2)
    cross = sheet.moved((0, 0, -high)).moved((0, 0, high), yaw=1.2)
    visuals = [((body,), glaze(rng)), ((sheet, cross), PALE), ((opening,), paint(rng))]
    x, y, z = size
    return fitted(
        size,
        visuals,
        [block((x, y, z * high)), block((0.3 * x, 0.3 * y, z * (1 - high)), (0, 0, z * (1 + high) / 2))],
    )


def _paper_roll(rng: Rng, size: Vector, hole: float, flap: float) -> Blueprint:
    paper = paint(
        rng,
        pick(rng, [(0.92, 0.91, 0.88), (0.92, 0.91, 0.88), (0.72, 0.6, 0.46), (0.86, 0.7, 0.7)]),
        str(rng.choice(["speckle", "dots", "plain", "checks"])),
        float(rng.uniform(0.03, 0.1)),
        0.02,
    )
    paper = Material(
        paper.pattern,
        (paper.colours[0], shade(paper.colours[0], float(rng.uniform(0.6, 0.9)))),
        paper.repeat,
        0.02,
        paper.seed,
    )
    roll = lathe([(hole, 0), (1, 0), (1, 2), (hole, 2)], MEDIUM, smooth=False)
    core = lathe([(hole, 2), (hole, 0)], MEDIUM)
    low = float(rng.uniform(0.0, 0.6))
    sheet = box((flap, 0.04, 2 - low), (1 + flap / 2 - 0.15, float(rng.uniform(-0.4, 0.4)), (2 + low) / 2))
    tube = paint(rng, pick(rng, [(0.6, 0.46, 0.3), (0.75, 0.68, 0.55)]))
    x, y, z = size
    return fitted(size, [((roll, sheet), paper), ((core,), tube)], [can(y * 0.47, z, at=((y - x) / 2, 0))])


def paper_towel_roll(rng: Rng, size: Vector) -> Blueprint:
    """A standing roll of paper towels whose last sheet sticks out."""
    return _paper_roll(rng, size, float(rng.uniform(0.2, 0.4)), float(rng.uniform(0.35, 0.55)))


def toilet_paper(rng: Rng, size: Vector) -> Blueprint:
    """A standing roll of toilet paper."""
    return _paper_roll(rng, size, float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.2, 0.35)))


def aluminum_foil(rng: Rng, size: Vector) -> Blueprint:
    """A long printed box of foil, with a strip of foil hanging out or its roll visible at the end."""
    x, y, z = size
    body = box((x * 0.98, y, z * 0.94), (-x * 0.01, 0, z * 0.47))
    wide = float(rng.uniform(0.2, 0.9))
    strip = box((x * wide, y * 0.5, z * 0.06), (x * float(rng.uniform(-0.04, 0.04)), -y * 0.25, z * 0.97))
    core = cylinder(float(rng.uniform(0.25, 0.42)) * z, x * 0.02, segments=SMALL).moved(
        (x * 0.48, 0, z / 2), roll=np.pi / 2
    )
    label = box((x * float(rng.uniform(0.25, 0.6)), y * 0.4, z * 0.03), (0, y * 0.25, z * 0.95))
    visuals = [((body,), glaze(rng)), ((strip, core), STEEL), ((label,), paint(rng, None, "label", 0.1))]
    return fitted(size, visuals, [block(size)])


def credit_card(rng: Rng, size: Vector) -> Blueprint:
    """A printed card with a chip."""
    pattern = str(rng.choice(["label", "stripes", "marble", "leaves", "dots"]))
    at = float(rng.uniform(-0.3, 0.3))
    high = float(rng.uniform(0.08, 0.3))
    chip, band = box((0.15, 0.2, 0.1), (-0.3, 0.1, 1.0)), box((1, high, 0.06), (0, at, 1.0))
    visuals = [((box((1, 1, 1), (0, 0, 0.5)),), paint(rng, None, pattern, 0.1, 0.6)), ((band,), paint(rng))]
    visuals.append(((chip,), paint(rng, (0.8, 0.66, 0.3), gloss=0.8)))
    return fitted(size, visuals, [block(thin(size))])
