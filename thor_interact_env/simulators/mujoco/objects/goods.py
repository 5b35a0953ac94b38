"""Angular and soft things: books, boxes, electronics, cushions, utensils, tools."""

from itertools import pairwise

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.fittings import (
    BRIGHT,
    block,
    can,
    cloth,
    fitted,
    metal,
    one_of,
    paint,
    pick,
    wood,
)
from thor_interact_env.simulators.mujoco.shapes import (
    Blueprint,
    Mesh,
    Vector,
    arc,
    box,
    cylinder,
    ellipsoid,
    extrude,
    lathe,
    merge,
    rod,
)

Rng = np.random.Generator

DARK = (0.12, 0.12, 0.13)


def _screen(rng: Rng) -> Material:
    return paint(
        rng, pick(rng, [(0.12, 0.13, 0.16), (0.2, 0.32, 0.45), (0.3, 0.36, 0.4)]), "speckle", 0.4, 0.6
    )


def _thin(size: Vector) -> Vector:
    """Return the extents of a collider that is thick enough to simulate."""
    return (max(size[0], 0.02), max(size[1], 0.02), max(size[2], 0.006))


def book(rng: Rng, size: Vector) -> Blueprint:
    """A closed book: covers, a spine and a block of pages."""
    x, y, z = size
    covers = (
        box((x, y, z * 0.12), (0, 0, z * 0.06)),
        box((x, y, z * 0.12), (0, 0, z * 0.94)),
        box((x * 0.03, y, z), (-x * 0.485, 0, z / 2)),
    )
    pages = box((x * 0.94, y * 0.95, z * 0.76), (0, 0, z / 2))
    cover = paint(rng, None, str(rng.choice(["plain", "label", "stripes"])), max(x, y))
    return fitted(size, [(covers, cover), ((pages,), paint(rng, (0.92, 0.9, 0.82)))], [block(_thin(size))])


def newspaper(rng: Rng, size: Vector) -> Blueprint:
    """A folded newspaper."""
    sheets = box(size, (0, 0, size[2] / 2))
    ink = Material("label", ((0.85, 0.84, 0.8), (0.6, 0.6, 0.6)), 0.15, 0.0, int(rng.integers(2**31)))
    return fitted(size, [((sheets,), ink)], [block(_thin(size))])


def carton(rng: Rng, size: Vector) -> Blueprint:
    """A cardboard box, open with flaps or taped shut."""
    x, y, z = size
    cardboard = paint(rng, pick(rng, [(0.68, 0.52, 0.34), (0.75, 0.6, 0.42)]), "speckle", 0.5, 0.02)
    if rng.random() < 0.5:
        walls = [box((x, 0.01, z), (0, side * (y / 2 - 0.005), z / 2)) for side in (-1, 1)]
        walls += [box((0.01, y, z), (side * (x / 2 - 0.005), 0, z / 2)) for side in (-1, 1)]
        visuals: list[tuple[list[Mesh], Material]] = [([*walls, box((x, y, 0.01), (0, 0, 0.005))], cardboard)]
    else:
        tape = [box((x * 1.002, 0.05, z * 1.002), (0, 0, z / 2))]
        visuals = [([box(size, (0, 0, z / 2))], cardboard), (tape, paint(rng, (0.8, 0.72, 0.5), gloss=0.5))]
    return fitted(size, visuals, [block(size)])


def tissue_box(rng: Rng, size: Vector) -> Blueprint:
    """A box with a tissue sticking out."""
    body = box((1, 1, 0.8), (0, 0, 0.4))
    tissue = lathe([(0.12, 0.8), (0.25, 1.1), (0, 1.15)], 7)
    visuals = [
        ((body,), paint(rng, None, str(rng.choice(["dots", "stripes", "label"])), 0.1)),
        ((tissue,), paint(rng, (0.94, 0.94, 0.94))),
    ]
    return fitted(size, visuals, [block(size)])


def toaster(rng: Rng, size: Vector) -> Blueprint:
    """A toaster with two slots and a lever."""
    body = box((1, 0.6, 0.9), (0, 0, 0.5))
    dark = [box((0.7, 0.09, 0.04), (0, side * 0.14, 0.96)) for side in (-1, 1)]
    dark += [box((0.06, 0.16, 0.08), (0.53, 0, 0.6)), box((0.95, 0.55, 0.05), (0, 0, 0.025))]
    return fitted(size, [((body,), one_of(rng, metal, paint)), (dark, paint(rng, DARK))], [block(size)])


def microwave(rng: Rng, size: Vector) -> Blueprint:
    """A microwave oven: door with a window, panel with buttons."""
    x, y, z = size
    body = box((x, y * 0.96, z), (0, y * 0.02, z / 2))
    door = box((x * 0.66, y * 0.02, z * 0.8), (-x * 0.13, -y * 0.47, z / 2))
    buttons = [
        box((0.025, y * 0.02, 0.02), (x * (0.3 + 0.08 * i), -y * 0.475, z * (0.25 + 0.17 * j)))
        for i in range(2)
        for j in range(4)
    ]
    handle = rod((x * 0.22, -y * 0.49, z * 0.15), (x * 0.22, -y * 0.49, z * 0.85), y * 0.01 + 0.004)
    case = one_of(rng, metal, lambda r: paint(r, (0.9, 0.9, 0.88)), lambda r: paint(r, DARK))
    return fitted(
        size,
        [((body,), case), ((door,), paint(rng, DARK, gloss=0.8)), ((*buttons, handle), metal(rng))],
        [block(size)],
    )


def coffee_machine(rng: Rng, size: Vector) -> Blueprint:
    """A coffee machine: a column with an overhanging head, and a jug under it."""
    x, y, z = size
    body = (
        box((x, y * 0.4, z), (0, y * 0.3, z / 2)),
        box((x, y, z * 0.3), (0, 0, z * 0.85)),
        box((x, y, z * 0.08), (0, 0, z * 0.04)),
    )
    jug = cylinder(min(x, y) * 0.25, z * 0.45, (0, -y * 0.18, z * 0.09))
    glass = paint(rng, (0.24, 0.16, 0.12), gloss=0.9)
    return fitted(size, [(body, one_of(rng, paint, metal)), ((jug,), glass)], [block(size)])


def laptop(rng: Rng, size: Vector) -> Blueprint:
    """An open laptop: keyboard half and raised screen."""
    x, y, z = size
    base = box((x, y * 0.75, 0.02), (0, -y * 0.125, 0.01))
    lid_height = float(np.hypot(z - 0.02, y * 0.25))
    lean = -float(np.arctan2(y * 0.25, z - 0.02))
    lid = box((x, 0.012, lid_height), (0, 0, lid_height / 2)).moved((0, y * 0.25, 0.02), pitch=lean)
    screen = box((x * 0.92, 0.004, lid_height * 0.86), (0, -0.008, lid_height / 2)).moved(
        (0, y * 0.25, 0.02), pitch=lean
    )
    keys = box((x * 0.85, y * 0.38, 0.004), (0, -y * 0.08, 0.021))
    colliders = [
        block((x, y * 0.75, 0.02), (0, -y * 0.125, 0.01)),
        block((x, y * 0.25, z), (0, y * 0.375, z / 2)),
    ]
    return fitted(
        size,
        [
            ((base, lid), one_of(rng, metal, lambda r: paint(r, DARK))),
            ((screen,), _screen(rng)),
            ((keys,), paint(rng, DARK)),
        ],
        colliders,
    )


def television(rng: Rng, size: Vector) -> Blueprint:
    """A flat television on a foot."""
    x, y, z = size
    panel, foot = box((x, 0.05, z * 0.88), (0, 0, z * 0.56)), box((x * 0.45, y, 0.025), (0, 0, 0.0125))
    neck = box((x * 0.1, 0.04, z * 0.2), (0, 0.01, z * 0.1))
    screen = box((x * 0.94, 0.006, z * 0.8), (0, -0.026, z * 0.56))
    colliders = [block((x * 0.6, y, 0.03), (0, 0, 0.015)), block((x, 0.05, z * 0.88), (0, 0, z * 0.56))]
    return fitted(
        size, [((panel, foot, neck), paint(rng, DARK, gloss=0.5)), ((screen,), _screen(rng))], colliders
    )


def remote_control(rng: Rng, size: Vector) -> Blueprint:
    """A remote control with rows of buttons."""
    x, y, z = size
    body = box((x, y, z * 0.85), (0, 0, z * 0.425))
    buttons = [
        box((x * 0.06, y * 0.2, z * 0.15), (x * (-0.35 + 0.12 * i), y * (j - 1) * 0.28, z * 0.92))
        for i in range(7)
        for j in range(3)
    ]
    return fitted(size, [((body,), paint(rng, DARK)), (buttons, paint(rng))], [block(_thin(size))])


def cell_phone(rng: Rng, size: Vector) -> Blueprint:
    """A phone lying on its back."""
    x, y, z = size
    screen = box((x * 0.92, y * 0.9, z * 0.1), (0, 0, z * 0.95))
    return fitted(
        size,
        [((box((x, y, z * 0.9), (0, 0, z * 0.45)),), paint(rng)), ((screen,), _screen(rng))],
        [block(_thin(size))],
    )


def alarm_clock(rng: Rng, size: Vector) -> Blueprint:
    """A round alarm clock on feet, with two bells."""
    rim = lathe([(0, -0.3), (1, -0.3), (1, 0.3), (0.9, 0.3), (0.9, 0.25)], 20, smooth=False).moved(
        (0, 0, 1.1), pitch=np.pi / 2
    )
    face = cylinder(0.9, 0.02, segments=20).moved((0, -0.26, 1.1), pitch=np.pi / 2)
    hands = (box((0.06, 0.04, 0.7), (0, -0.3, 1.35)), box((0.5, 0.04, 0.06), (0.2, -0.3, 1.1)))
    bells = [ellipsoid((0.3, 0.3, 0.25), (side * 0.5, 0, 2.1), 10) for side in (-1, 1)]
    feet = [rod((side * 0.5, 0, 0.4), (side * 0.7, 0, 0), 0.08) for side in (-1, 1)]
    return fitted(
        size,
        [
            ((rim, *bells, *feet), one_of(rng, metal, paint)),
            ((face,), paint(rng, (0.93, 0.92, 0.87))),
            (hands, paint(rng, DARK)),
        ],
        [block(size)],
    )


def desk_lamp(rng: Rng, size: Vector) -> Blueprint:
    """A lamp with a foot, a stem and a shade."""
    foot, stem = cylinder(0.7, 0.12), rod((0, 0, 0.1), (0, 0, 2.4), 0.06)
    shade = lathe([(1, 1.9), (rng.uniform(0.5, 0.8), 3), (0.45, 3), (0.9, 1.9)], 18)
    radius, z = min(size[:2]) / 2, size[2]
    colliders = [
        can(radius * 0.7, z * 0.04),
        can(radius * 0.12, z * 0.6, z * 0.02),
        can(radius * 0.85, z * 0.37, z * 0.63),
    ]
    return fitted(
        size,
        [
            ((foot, stem), one_of(rng, metal, wood)),
            ((shade,), paint(rng, pick(rng, [(0.92, 0.86, 0.7), *BRIGHT]), "fabric", 0.2)),
        ],
        colliders,
    )


def pillow(rng: Rng, size: Vector) -> Blueprint:
    """A square cushion."""
    cushion = ellipsoid((1, 1, 1), segments=18)
    corners = np.sign(cushion.vertices) * np.abs(cushion.vertices) ** np.array([0.5, 0.5, 1.0])
    flat = Mesh(corners, cushion.faces, cushion.vertices[:, :2] * 0.25)
    return fitted(
        size, [((flat,), cloth(rng, 0.25))], [block((size[0] * 0.85, size[1] * 0.85, size[2] * 0.95))]
    )


def folded_cloth(rng: Rng, size: Vector) -> Blueprint:
    """A folded cloth or towel."""
    layers = [box((1, 1 - 0.04 * i, 0.3), (0.01 * i, 0, 0.15 + 0.33 * i)) for i in range(3)]
    return fitted(size, [(layers, cloth(rng, 0.15))], [block(_thin(size))])


def sponge(rng: Rng, size: Vector) -> Blueprint:
    """A sponge with a scouring side, or a bar of soap."""
    colour = pick(rng, [(0.9, 0.8, 0.3), (0.85, 0.75, 0.8), (0.7, 0.85, 0.75)])
    low, high = box((1, 0.65, 0.7), (0, 0, 0.35)), box((1, 0.65, 0.3), (0, 0, 0.85))
    return fitted(
        size, [((low,), paint(rng, colour, "speckle", 0.05)), ((high,), paint(rng))], [block(_thin(size))]
    )


def _utensil(rng: Rng, size: Vector, head: Mesh) -> Blueprint:
    """Lie a tool along x: a thin handle on the left, `head` (in units of `size`) on the right."""
    handle = box((0.55, 0.3, 0.6), (-0.225, 0, 0.3))
    grip = one_of(rng, metal, wood, lambda r: paint(r, (0.15, 0.15, 0.16)))
    return fitted(size, [((handle,), grip), ((head,), metal(rng))], [block(_thin(size))])


def knife(rng: Rng, size: Vector) -> Blueprint:
    """A knife: a blade with a straight back and a curved edge."""
    blade = extrude([(0, -0.5), (0.3, -0.5), (0.5, 0.5), (0, 0.5)], 0.4).moved((0, 0, 0.2))
    return _utensil(rng, size, blade)


def fork(rng: Rng, size: Vector) -> Blueprint:
    """A fork with four tines."""
    tines = [box((0.25, 0.13, 0.4), (0.375, 0.29 * (i - 1.5), 0.6)) for i in range(4)]
    return _utensil(rng, size, merge(box((0.22, 1, 0.4), (0.15, 0, 0.6)), *tines))


def spoon(rng: Rng, size: Vector) -> Blueprint:
    """A spoon or ladle."""
    return _utensil(rng, size, ellipsoid((0.26, 0.5, 0.5), (0.24, 0, 0.5), 10))


def spatula(rng: Rng, size: Vector) -> Blueprint:
    """A spatula with slots."""
    bars = [box((0.3, 0.14, 0.3), (0.3, 0.43 * (i - 1), 0.6)) for i in range(3)]
    ends = [box((0.06, 1, 0.3), (x, 0, 0.6)) for x in (0.15, 0.47)]
    return _utensil(rng, size, merge(*bars, *ends, box((0.2, 0.2, 0.3), (0.04, 0, 0.5))))


def pen(rng: Rng, size: Vector) -> Blueprint:
    """A pen or pencil lying along x."""
    shaft, tip = box((0.85, 1, 1), (-0.075, 0, 0.5)), box((0.15, 0.5, 0.5), (0.425, 0, 0.5))
    return fitted(size, [((shaft,), paint(rng)), ((tip,), paint(rng, DARK))], [block(_thin(size))])


def flat_card(rng: Rng, size: Vector) -> Blueprint:
    """A credit card or compact disc case."""
    return fitted(
        size, [((box((1, 1, 1), (0, 0, 0.5)),), paint(rng, None, "label", 0.1, 0.6))], [block(_thin(size))]
    )


def disc(rng: Rng, size: Vector) -> Blueprint:
    """A compact disc."""
    ring = lathe([(0.16, 0), (1, 0), (1, 0.1), (0.16, 0.1), (0.16, 0)], 20, smooth=False)
    shine = paint(rng, (0.78, 0.79, 0.82), "brushed", 0.1, 0.9)
    return fitted(size, [((ring,), shine)], [block(_thin((size[0] * 0.8, size[1] * 0.8, size[2])))])


def soap_bar(rng: Rng, size: Vector) -> Blueprint:
    """A rounded bar of soap."""
    ball = ellipsoid((1, 1, 1), segments=16)
    bar = Mesh(np.sign(ball.vertices) * np.abs(ball.vertices) ** 0.5, ball.faces, ball.uv)
    colour = pick(rng, [(0.9, 0.86, 0.76), (0.8, 0.86, 0.8), (0.86, 0.77, 0.78)])
    x, y, z = size
    return fitted(size, [((bar,), paint(rng, colour, gloss=0.3))], [block(_thin((x * 0.85, y * 0.85, z)))])


def key_chain(rng: Rng, size: Vector) -> Blueprint:
    """A ring with two keys."""
    ring = arc((0, 0, 0), 0.3, 0, 2 * np.pi, 0.05).moved((-0.6, 0, 0.1), pitch=np.pi / 2)
    keys = [box((1.0, 0.2, 0.1), (0.1, side * 0.25, 0.1)).moved(yaw=side * 0.2) for side in (-1, 1)]
    return fitted(size, [((ring, *keys), metal(rng))], [block(_thin(size))])


def watch(rng: Rng, size: Vector) -> Blueprint:
    """A wrist watch: a strap bent to a ring, and a face."""
    strap = lathe([(0.9, 0), (1, 0), (1, 0.6), (0.9, 0.6), (0.9, 0)], 16)
    face = cylinder(0.35, 0.15).moved((0, -1.0, 0.3), pitch=np.pi / 2)
    return fitted(size, [((strap,), paint(rng)), ((face,), metal(rng))], [block(_thin(size))])


def dumbbell(rng: Rng, size: Vector) -> Blueprint:
    """A dumbbell along x: a bar and two hexagonal heads."""
    bar = rod((-1, 0, 0.5), (1, 0, 0.5), 0.16)
    heads = [
        cylinder(0.5, 0.6, segments=6).moved((side * 0.75 - 0.3, 0, 0.5), roll=np.pi / 2) for side in (-1, 1)
    ]
    return fitted(
        size,
        [((bar,), metal(rng)), (heads, paint(rng, (0.18, 0.18, 0.2)))],
        [block((size[0], size[1] * 0.8, size[2]))],
    )


def garbage_bag(rng: Rng, size: Vector) -> Blueprint:
    """A tied, bulging bag."""
    bag = lathe([(0, 0), (0.8, 0), (1, 0.6), (0.7, 1.3), (0.15, 1.6), (0.35, 1.9), (0, 1.8)], 12)
    bulge = 1 + 0.06 * np.sin(bag.vertices @ rng.uniform(2, 5, (3, 1)))
    body = Mesh(bag.vertices * bulge, bag.faces, bag.uv)
    return fitted(
        size,
        [((body,), paint(rng, pick(rng, [(0.15, 0.15, 0.16), (0.85, 0.85, 0.85)]), gloss=0.6))],
        [block((size[0] * 0.8, size[1] * 0.8, size[2] * 0.9))],
    )


def boots(rng: Rng, size: Vector) -> Blueprint:
    """A pair of boots side by side."""
    parts = []
    for side in (-0.5, 0.5):
        parts += [
            box((0.42, 1.0, 0.25), (side, 0, 0.125)),
            lathe([(0, 0.2), (0.2, 0.2), (0.22, 1.6), (0.17, 1.6), (0.16, 0.4)], 12).moved((side, 0.25, 0)),
        ]
    return fitted(size, [(parts, paint(rng))], [block(size)])


def baseball_bat(rng: Rng, size: Vector) -> Blueprint:
    """A bat lying along x, thick at the right."""
    profile = [(0, 0), (0.6, 0), (0.6, 0.3), (0.3, 0.4), (0.4, 4), (0.95, 7), (1, 9.6), (0.7, 10), (0, 10)]
    bat = lathe(profile, 14).moved(roll=np.pi / 2)
    x, y, z = size
    return fitted(size, [((bat,), one_of(rng, wood, metal))], [block((x, y * 0.8, z))])


def tennis_racket(rng: Rng, size: Vector) -> Blueprint:
    """A racket lying along x: grip, oval frame and strings."""
    angles = np.linspace(0, 2 * np.pi, 17)
    rim = [(0.22 + 0.28 * float(np.cos(a)), 0.5 * float(np.sin(a)), 0.5) for a in angles]
    frame = [rod(a, b, 0.022, 6) for a, b in pairwise(rim)]
    strings = [rod((x, -0.4, 0.5), (x, 0.4, 0.5), 0.004, 4) for x in np.linspace(0.08, 0.36, 6)]
    strings += [rod((0.0, y, 0.5), (0.44, y, 0.5), 0.004, 4) for y in np.linspace(-0.3, 0.3, 6)]
    grip = rod((-0.5, 0, 0.5), (-0.06, 0, 0.5), 0.03)
    visuals = [((*frame, grip), paint(rng, pick(rng, BRIGHT))), (strings, paint(rng, (0.85, 0.84, 0.78)))]
    return fitted(size, visuals, [block(_thin(size))])


def scrub_brush(rng: Rng, size: Vector) -> Blueprint:
    """A toilet brush in its holder."""
    holder = lathe([(0, 0), (1, 0), (0.85, 2.4), (0.7, 2.4), (0.7, 2.0)], 16)
    radius, z = min(size[:2]) / 2, size[2]
    colliders = [can(radius * 0.95, z * 0.35), can(radius * 0.25, z * 0.65, z * 0.35)]
    return fitted(size, [((holder, cylinder(0.12, 7, (0, 0, 0.4))), paint(rng))], colliders)
