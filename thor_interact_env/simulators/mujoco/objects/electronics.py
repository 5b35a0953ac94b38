"""Appliances and electronics."""

import numpy as np

from thor_interact_env.simulators.mujoco.exact import arctangent, length
from thor_interact_env.simulators.mujoco.objects.parts import block, fitted, hollow, rounded, thin
from thor_interact_env.simulators.mujoco.palette import (
    DARK,
    PALE,
    STEEL,
    appliance,
    metal,
    one_of,
    paint,
    pick,
    screen,
    wood,
)
from thor_interact_env.simulators.mujoco.shapes import (
    MEDIUM,
    SMALL,
    TINY,
    Blueprint,
    Collider,
    Mesh,
    Vector,
    arc,
    box,
    cylinder,
    ellipsoid,
    lathe,
    rod,
)

Rng = np.random.Generator


def toaster(rng: Rng, size: Vector) -> Blueprint:
    """A toaster with two long or four short slots, a lever and a dial."""
    soft, low = float(rng.uniform(0.12, 0.5)), float(rng.uniform(0.02, 0.1))
    body = rounded((1, 1, 0.97 - low), (0, 0, (0.97 + low) / 2), soft, MEDIUM)
    wide = float(rng.uniform(0.03, 0.2))
    ends = [box((wide, 0.92, 0.8), (side * (0.51 - wide / 2), 0, 0.42)) for side in (-1, 1)]
    long = rng.random() < 0.6
    slots = [
        box((0.66 if long else 0.3, 0.13, 0.05), (at, side * 0.2, 0.97))
        for side in (-1, 1)
        for at in ((0.0,) if long else (-0.19, 0.19))
    ]
    lever = [
        box((0.06, 0.25, 0.08), (0.53, 0, float(rng.uniform(0.4, 0.75)))),
        box((0.9, 0.9, 0.05), (0, 0, 0.025)),
    ]
    lever.append(cylinder(0.07, 0.03, segments=SMALL).moved((0.5, 0.25, 0.3), roll=np.pi / 2))
    case = appliance(rng)
    sides = case if rng.random() < 0.5 else one_of(rng, lambda _: DARK, paint)
    visuals = [((body,), case), (ends, sides), ((*slots, *lever), DARK)]
    return fitted(size, visuals, [block(size)])


def microwave(rng: Rng, size: Vector) -> Blueprint:
    """A microwave oven: a door with a window, and a panel with buttons or dials."""
    x, y, z = size
    fraction, tall, front = float(rng.uniform(0.55, 0.8)), float(rng.uniform(0.7, 0.95)), -y * 0.45
    foot, pane = float(rng.uniform(0.01, 0.07)) * z, float(rng.uniform(0.35, 0.65))
    grasp = float(rng.uniform(0.2, 0.36))
    body = box((x, y * 0.94, z - foot), (0, y * 0.03, (z + foot) / 2))
    stand = box((x * 0.8, y * 0.7, foot), (0, 0, foot / 2))
    door = box((x * fraction, 0.02, z * tall), (-x * (0.97 - fraction) / 2, front, z / 2))
    window = box(
        (x * fraction * (pane + 0.25), 0.01, z * pane),
        (-x * (0.97 - fraction) / 2 - 0.02, front - 0.012, z / 2),
    )
    wide = x * (0.95 - fraction)
    middle = x / 2 - wide / 2 - 0.01 * x
    buttons: list[Mesh] = [box((wide * 0.75, 0.012, z * 0.12), (middle, front - 0.008, z * 0.8))]
    if rng.random() < 0.5:
        columns = 3 if wide > 0.14 else 2
        buttons += [
            box(
                (wide * 0.5 / columns, 0.012, 0.02),
                (
                    middle + (i - (columns - 1) / 2) * wide * 0.75 / columns,
                    front - 0.008,
                    z * (0.2 + 0.14 * j),
                ),
            )
            for i in range(columns)
            for j in range(4)
        ]
    else:
        dial = cylinder(min(wide * 0.3, 0.03), 0.025, segments=SMALL)
        buttons += [dial.moved((middle, front - 0.005, z * level), pitch=np.pi / 2) for level in (0.25, 0.52)]
    grip = -x / 2 + x * fraction - 0.005
    handle = rod(
        (grip, -y * 0.5 + 0.012, z * (0.5 - grasp)), (grip, -y * 0.5 + 0.012, z * (0.5 + grasp)), 0.012
    )
    case, panel = appliance(rng), one_of(rng, lambda _: DARK, lambda _: PALE, lambda _: STEEL)
    door_material = case if rng.random() < 0.5 else panel
    knobs = STEEL if panel is not STEEL else DARK
    visuals = [
        ((body,), case),
        ((door,), door_material),
        ((window, stand), DARK),
        ((*buttons, handle), knobs),
    ]
    return fitted(size, visuals, [block(size)])


def coffee_machine(rng: Rng, size: Vector) -> Blueprint:
    """A coffee machine: a column with an overhanging head, and a jug or a cup under it."""
    x, y, z = size
    head, base, back = (
        float(rng.uniform(0.22, 0.38)),
        float(rng.uniform(0.06, 0.14)),
        float(rng.uniform(0.35, 0.5)),
    )
    soft = float(rng.uniform(0.1, 0.3))
    tower = rounded((x, y * back, z * 0.98), (0, y * (1 - back) / 2, z * 0.49), soft)
    top = rounded((x, y * float(rng.uniform(0.88, 1.0)), z * head), (0, 0, z * (1 - head / 2)), soft)
    foot = box((x * 0.98, y, z * base), (0, 0, z * base / 2))
    front = -y * back / 2
    gap = z * (1 - head - base)
    visuals = [((tower, top), appliance(rng)), ((foot,), one_of(rng, lambda _: DARK, lambda _: STEEL))]
    if rng.random() < 0.6:
        radius = min(0.36 * x, 0.42 * y * (1 - back))
        jug = lathe(
            [(0, 0), (radius, 0), (radius * 1.05, gap * 0.4), (radius * 0.7, gap * 0.85), (0, gap * 0.85)],
            MEDIUM,
        )
        ear = arc((radius * 0.9, 0, gap * 0.45), gap * 0.25, -np.pi / 2, np.pi / 2, 0.01, TINY).moved(
            yaw=-0.9
        )
        visuals.append(
            (
                (jug.moved((0, front, z * base)),),
                paint(rng, pick(rng, [(0.2, 0.12, 0.08), (0.35, 0.4, 0.42)]), gloss=0.9),
            )
        )
        visuals.append(
            (
                (
                    ear.moved((0, front, z * base)),
                    box((x * 0.5, 0.02, z * head * 0.4), (0, -y * 0.44, z * 0.87)),
                ),
                DARK,
            )
        )
    else:
        spout = cylinder(0.02, gap * 0.3, (0, front, z * (1 - head) - gap * 0.3), TINY)
        beaker = hollow([(0.028, 0), (0.036, gap * 0.35)], 0.004, MEDIUM).moved((0, front, z * base))
        dials = [
            cylinder(0.022, 0.02).moved((at * x, -y * 0.44, z * (1 - head / 2)), pitch=np.pi / 2)
            for at in (-0.25, 0.25)
        ]
        visuals += [((spout, *dials), STEEL), ((beaker,), paint(rng))]
    colliders = [
        block((x, y * back, z), (0, y * (1 - back) / 2, z / 2)),
        block((x, y * 0.92, z * head), (0, 0, z * (1 - head / 2))),
        block((x, y, z * base)),
        block((x * 0.5, y * 0.3, gap), (0, front, z * base + gap / 2)),
    ]
    return fitted(size, visuals, colliders)


def laptop(rng: Rng, size: Vector) -> Blueprint:
    """An open laptop: keyboard half and raised, leaning screen."""
    x, y, z = size
    depth, thick = y * float(rng.uniform(0.66, 0.82)), float(rng.uniform(0.014, 0.024))
    back = y - depth
    base = box((x, depth, thick), (0, -back / 2, thick / 2))
    high = length((z - thick, back))
    hinge, lean = (0.0, y / 2 - back, thick), -arctangent(back, z - thick)

    def on_lid(mesh: Mesh) -> Mesh:
        return mesh.moved(hinge, pitch=lean)

    lid = on_lid(box((x, 0.012, high), (0, 0, high / 2)))
    bezel = float(rng.uniform(0.86, 0.95))
    shown = on_lid(box((x * bezel, 0.004, high * (bezel - 0.04)), (0, -0.008, high / 2)))
    rows = [
        box((x * 0.84, depth * 0.075, 0.004), (0, hinge[1] - depth * (0.14 + 0.11 * row), thick + 0.001))
        for row in range(4)
    ]
    pad = box((x * float(rng.uniform(0.22, 0.4)), depth * 0.24, 0.002), (0, hinge[1] - depth * 0.8, thick))
    tall = length((z, back))
    colliders = [
        block((x, depth, thick), (0, -back / 2, thick / 2)),
        Collider(
            "box", (x / 2, 0.007, tall / 2 - 0.01), (0, y / 2 - back / 2, z / 2 + thick / 2), (lean, 0, 0)
        ),
    ]
    case = one_of(rng, metal, paint, paint)
    return fitted(size, [((base, lid), case), ((shown,), screen(rng)), ((*rows, pad), DARK)], colliders)


def television(rng: Rng, size: Vector) -> Blueprint:
    """A television: a flat panel on a foot or two legs, or an old deep set."""
    x, y, z = size
    frame = one_of(rng, lambda _: DARK, lambda _: STEEL, paint, lambda _: DARK)
    if rng.random() < 0.2:
        case = rounded((x, y * 0.96, z * 0.98), (0, y * 0.02, z * 0.51), 0.15)
        shown = rounded((x * 0.72, y * 0.1, z * 0.76), (-x * 0.1, -y * 0.45, z * 0.54), 0.25)
        panel = box((x * 0.16, 0.02, z * 0.76), (x * 0.38, -y * 0.47, z * 0.54))
        knobs = [
            cylinder(0.03, 0.02).moved((x * 0.38, -y * 0.49, z * at), pitch=np.pi / 2) for at in (0.6, 0.75)
        ]
        made = one_of(rng, wood, paint)
        feet = box((x * 0.8, y * 0.7, z * 0.03), (0, 0, z * 0.015))
        return fitted(
            size, [((case,), made), ((shown,), screen(rng)), ((panel, *knobs, feet), DARK)], [block(size)]
        )
    low, deep = float(rng.uniform(0.06, 0.16)), float(rng.uniform(0.035, 0.06))
    panel = box((x, deep, z * (1 - low)), (0, 0, z * (1 + low) / 2))
    if rng.random() < 0.5:
        wide = float(rng.uniform(0.3, 0.6))
        foot = [
            box((x * wide, y, 0.018), (0, 0, 0.009)),
            box((x * 0.1, 0.04, z * low + 0.05), (0, 0.01, z * low / 2 + 0.02)),
        ]
        if rng.random() < 0.4:
            foot[0] = cylinder(0.5, 0.018, segments=MEDIUM).scaled((x * wide, y, 1))
        colliders = [
            block((x * wide * 0.95, y * 0.95, 0.02)),
            block((x * 0.12, 0.05, z * low), (0, 0, z * low / 2)),
        ]
    else:
        apart = float(rng.uniform(0.25, 0.42)) * x
        foot = [
            rod((side * apart, 0, z * low + 0.02), (side * apart, end * (y / 2 - 0.01), 0.012), 0.012)
            for side in (-1, 1)
            for end in (-1, 1)
        ]
        colliders = [block((0.03, y, z * low), (side * apart, 0, z * low / 2)) for side in (-1, 1)]
    edge = float(rng.uniform(0.015, 0.05))
    shown = box((x - 2 * edge, 0.006, z * (1 - low) - 2 * edge), (0, -deep / 2 - 0.002, z * (1 + low) / 2))
    colliders.append(block((x, deep, z * (1 - low)), (0, 0, z * (1 + low) / 2)))
    return fitted(size, [((panel, *foot), frame), ((shown,), screen(rng))], colliders)


def desktop(rng: Rng, size: Vector) -> Blueprint:
    """A computer: a monitor on a foot, a keyboard before it and a tower beside it."""
    x, y, z = size
    tower = float(rng.uniform(0.2, 0.27)) * x
    side = int(rng.choice([-1, 1]))
    high = float(rng.uniform(0.68, 0.85)) * z
    at, middle, wide = side * (x - tower) / 2, -side * (tower + 0.02) / 2, x - tower - 0.03
    case = box((tower, y * 0.95, high), (at, 0.02 * y, high / 2))
    front = [box((tower * 0.8, 0.012, 0.03), (at, -y * 0.455, high * level)) for level in (0.88, 0.76)]
    front.append(cylinder(0.018, 0.02, segments=SMALL).moved((at, -y * 0.45, high * 0.55), pitch=np.pi / 2))
    low = float(rng.uniform(0.2, 0.32)) * z
    monitor = box((wide, 0.045, z - low), (middle, 0.15 * y, (z + low) / 2))
    shown = box((wide - 0.04, 0.006, z - low - 0.05), (middle, 0.15 * y - 0.025, (z + low) / 2 + 0.005))
    stand = [
        box((0.06, 0.03, low + 0.05), (middle, 0.17 * y, low / 2)),
        box((wide * 0.5, 0.2, 0.016), (middle, 0.15 * y, 0.008)),
    ]
    keyboard = box((wide * 0.85, 0.14, 0.022), (middle, -y / 2 + 0.07, 0.011))
    keys = [box((wide * 0.8, 0.022, 0.006), (middle, -y / 2 + 0.03 + 0.03 * row, 0.024)) for row in range(4)]
    colliders = [
        block((tower, y * 0.95, high), (at, 0.02 * y, high / 2)),
        block((wide, 0.05, z - low), (middle, 0.15 * y, (z + low) / 2)),
        block((wide * 0.5, 0.2, 0.02), (middle, 0.15 * y, 0.01)),
        block((0.07, 0.04, low), (middle, 0.17 * y, low / 2)),
        block((wide * 0.85, 0.14, 0.024), (middle, -y / 2 + 0.07, 0.012)),
    ]
    body = appliance(rng)
    visuals = [
        ((case, monitor, *stand, keyboard), body),
        ((shown,), screen(rng)),
        ((*keys, *front), DARK if sum(body.colours[0]) > 0.9 else PALE),
    ]
    return fitted(size, visuals, colliders)


def remote_control(rng: Rng, size: Vector) -> Blueprint:
    """A remote control with rows of buttons and a ring or a display."""
    x, y, z = size
    body = rounded((x, y, z * 0.85), (0, 0, z * 0.425), float(rng.uniform(0.05, 0.6)), MEDIUM)
    rows, columns = int(rng.integers(3, 8)), int(rng.integers(2, 5))
    buttons = [
        box(
            (x * 0.055, y * 0.5 / columns, z * 0.2),
            (x * (-0.38 + 0.085 * i), y * (j - (columns - 1) / 2) * 0.8 / columns, z * 0.88),
        )
        for i in range(rows)
        for j in range(columns)
    ]
    ring = cylinder(y * 0.28, z * 0.15, (x * 0.3, 0, z * 0.82), SMALL)
    if rng.random() < 0.4:
        ring = box((x * 0.16, y * 0.6, z * 0.15), (x * 0.33, 0, z * 0.85))
    case = one_of(rng, lambda _: DARK, paint, metal)
    return fitted(size, [((body,), case), (buttons, paint(rng)), ((ring,), paint(rng))], [block(thin(size))])


def cell_phone(rng: Rng, size: Vector) -> Blueprint:
    """A phone: lying on its back, or in a coloured case on its face with cameras."""
    x, y, z = size
    body = rounded((x, y, z * 0.9), (0, 0, z * 0.45), float(rng.uniform(0.05, 0.25)), MEDIUM)
    if rng.random() < 0.65:
        edge = float(rng.uniform(0.85, 0.97))
        shown = box(
            (x * edge, y * (edge - 0.03), z * 0.2), (x * float(rng.uniform(-0.01, 0.01)), 0, z * 0.88)
        )
        return fitted(size, [((body,), paint(rng)), ((shown,), screen(rng))], [block(thin(size))])
    island = float(rng.uniform(0.3, 0.5))
    camera = rounded(
        (x * 0.16, y * island, z * 0.3), (x * 0.38, y * (0.42 - island / 2), z * 0.85), 0.4, SMALL
    )
    cover = paint(rng, None, str(rng.choice(["plain", "stripes", "dots", "marble", "leaves"])), 0.1)
    return fitted(size, [((body,), cover), ((camera,), DARK)], [block(thin(size))])


def alarm_clock(rng: Rng, size: Vector) -> Blueprint:
    """An alarm clock: round with two bells, a box with a dial, or a digital one."""
    style = int(rng.integers(3))
    case = one_of(rng, metal, paint, paint, wood if style else paint)
    face = PALE if rng.random() < 0.6 else paint(rng)
    hour, minute = rng.uniform(0, 2 * np.pi, 2)
    if style == 2:
        body = rounded((1, 1, 1), (0, 0, 0.5), float(rng.uniform(0.08, 0.55)))
        shown = box((float(rng.uniform(0.8, 0.95)), 0.04, float(rng.uniform(0.45, 0.8))), (0, -0.5, 0.5))
        digits = [box((0.12, 0.05, 0.36), (at, -0.51, 0.5)) for at in (-0.3, -0.12, 0.12, 0.3)]
        lit = paint(rng, pick(rng, [(0.9, 0.2, 0.15), (0.3, 0.85, 0.4), (0.3, 0.7, 0.95)]))
        return fitted(size, [((body,), case), ((shown,), DARK), (digits, lit)], [block(size)])
    hands = [
        box((0.07, 0.03, length), (0, 0, length / 2)).moved((0, -0.34, 1.1), roll=float(angle))
        for length, angle in ((0.45, hour), (0.7, minute))
    ]
    if style == 0:
        rim = lathe([(0, -0.3), (1, -0.3), (1, 0.3), (0.9, 0.3), (0.9, 0.25)], MEDIUM, smooth=False).moved(
            (0, 0, 1.1), pitch=np.pi / 2
        )
        dial = cylinder(0.88, 0.02, segments=MEDIUM).moved((0, -0.28, 1.1), pitch=np.pi / 2)
        reach = float(rng.uniform(0.4, 0.6))
        parts = [ellipsoid((0.3, 0.3, 0.25), (side * reach, 0, 2.1), SMALL) for side in (-1, 1)]
        parts += [rod((side * 0.5, 0, 0.4), (side * 0.7, 0, 0), 0.08) for side in (-1, 1)]
        parts.append(arc((0, 0, 2.1), 0.25, 0, np.pi, 0.04, TINY))
        return fitted(size, [((rim, *parts), case), ((dial,), face), (hands, DARK)], [block(size)])
    body = rounded((2.2, 0.6, 2.2), (0, 0, 1.1), float(rng.uniform(0.05, 0.8)))
    dial = cylinder(float(rng.uniform(0.65, 1.0)), 0.03, segments=MEDIUM).moved(
        (0, -0.29, 1.1), pitch=np.pi / 2
    )
    button = box((float(rng.uniform(0.4, 1.4)), 0.3, 0.2), (0, 0, 2.3))
    return fitted(size, [((body,), case), ((dial,), face), ((*hands, button), DARK)], [block(size)])


def watch(rng: Rng, size: Vector) -> Blueprint:
    """A wrist watch on its side: a strap bent to a ring, and a round or square case."""
    wide = float(rng.uniform(0.35, 0.95))
    links = int(rng.choice([10, 14]))
    ring = lathe([(0.88, 0), (1, 0), (1, wide), (0.88, wide), (0.88, 0)], links, smooth=False)
    strap = ring.scaled((1.3, 1, 1))
    radius = float(rng.uniform(0.34, 0.56))
    case = (
        cylinder(radius, 0.16, segments=MEDIUM)
        if rng.random() < 0.6
        else rounded((2 * radius, 1.7 * radius, 0.2), (0, 0, 0.08), 0.3, SMALL)
    )
    dial = cylinder(radius * 0.8, 0.02, (0, 0, 0.165), SMALL)
    front = (0.0, -1.0, wide / 2)
    visuals = [
        ((strap,), one_of(rng, paint, metal)),
        ((case.moved(front, pitch=np.pi / 2),), metal(rng)),
        ((dial.moved(front, pitch=np.pi / 2),), paint(rng)),
    ]
    return fitted(size, visuals, [block(thin(size))])
