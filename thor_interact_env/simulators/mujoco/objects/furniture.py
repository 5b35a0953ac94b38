"""Movable furniture to sit and lie on, and safes."""

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.parts import Parts, disc, legs, rounded
from thor_interact_env.simulators.mujoco.palette import (
    DARK,
    fabric,
    lacquer,
    leather,
    metal,
    one_of,
    shade,
    tint,
    wood,
    wood_or_paint,
)
from thor_interact_env.simulators.mujoco.shapes import MEDIUM, SMALL, Blueprint, Vector, box, cylinder

Rng = np.random.Generator


def _cover(rng: Rng) -> Material:
    return fabric(rng) if rng.random() < 0.75 else leather(rng)


def chair(rng: Rng, size: Vector) -> Blueprint:
    """Build a chair with a slatted, barred, solid or padded back; some have arms."""
    x, y, z = size
    parts, frame = Parts(), wood_or_paint(rng) if rng.random() < 0.75 else metal(rng)
    seat = float(np.clip(rng.uniform(0.44, 0.52) * z, 0.36, 0.5))
    padded, leg = rng.random() < 0.6, float(rng.uniform(0.028, 0.05))
    cover = _cover(rng) if padded else frame
    thick = float(rng.uniform(0.045, 0.09)) if padded else 0.03
    legs(parts, frame, (x, y, seat - thick), leg, 0.0, bool(rng.random() < 0.4))
    if padded:
        parts.add(cover, rounded((x, y, thick), (0, 0, seat - thick / 2), 0.2, MEDIUM))
        parts.solid((x, y, thick), (0, 0, seat - thick / 2))
    else:
        parts.box(cover, (x, y, thick), (0, 0, seat - thick / 2))
    parts.surface((0, -0.03, seat), (x, y - 0.08))
    back, style = z - seat, rng.random()
    at = y / 2 - leg / 2
    for sign in (-1, 1):
        parts.box(frame, (leg, leg, back), (sign * (x - leg) / 2, at, seat + back / 2), False)
    if style < 0.4:
        tall = back * float(rng.uniform(0.55, 0.95))
        thick_back = float(rng.uniform(0.025, 0.05))
        parts.add(cover, rounded((x - leg, thick_back, tall), (0, at, z - tall / 2), 0.2, SMALL))
    elif style < 0.7:
        for level in np.linspace(0.3, 0.9, int(rng.integers(2, 5))):
            parts.box(frame, (x - leg, 0.02, 0.06), (0, at, seat + float(level) * back), False)
    else:
        parts.box(frame, (x - leg, 0.025, 0.06), (0, at, z - 0.04), False)
        for offset in np.linspace(-0.3, 0.3, int(rng.integers(2, 6))):
            parts.box(
                frame, (0.02, 0.015, back - 0.06), (float(offset) * x, at, seat + back / 2 - 0.02), False
            )
    if rng.random() < 0.2:
        high = 0.45 * back
        for sign in (-1, 1):
            parts.box(frame, (leg, y * 0.8, 0.03), (sign * (x - leg) / 2, 0.08 * y, seat + high), True)
            parts.box(frame, (leg, leg, high), (sign * (x - leg) / 2, -0.3 * y, seat + high / 2), False)
    parts.solid((x, leg, back), (0, at, seat + back / 2))
    return parts.finish(size)


def stool(rng: Rng, size: Vector) -> Blueprint:
    """Build a stool: a round or square seat on four legs or a column, some with a low back."""
    x, y, z = size
    parts, frame = Parts(), wood_or_paint(rng) if rng.random() < 0.6 else metal(rng)
    seat = _cover(rng) if rng.random() < 0.5 else one_of(rng, wood, lacquer)
    thick, round_ = float(rng.uniform(0.03, 0.08)), rng.random() < 0.5
    back = float(rng.uniform(0.14, 0.24)) * z if not round_ and rng.random() < 0.4 else 0.0
    top = z - back
    if back:
        parts.box(frame, (0.8 * x, 0.03, back * 0.65), (0, y / 2 - 0.025, z - back * 0.325))
        for sign in (-1, 1):
            parts.box(
                frame,
                (0.03, 0.03, back + thick),
                (sign * 0.3 * x, y / 2 - 0.03, z - (back + thick) / 2),
                False,
            )
    if round_:
        parts.add(seat, cylinder(0.5, thick, (0, 0, top - thick), MEDIUM).scaled((x, y, 1)))
        disc(parts, (x, y, thick), top - thick)
        wide, deep = 0.7 * x, 0.7 * y
        parts.surface((0, 0, top), (0.7 * x, 0.7 * y))
    else:
        parts.box(seat, (x, y, thick), (0, 0, top - thick / 2))
        wide, deep = x, y
        parts.surface((0, -0.02, top), (x, y - 0.05))
    if rng.random() < 0.25:
        parts.add(frame, cylinder(0.5, 0.025, (0, 0, 0), MEDIUM).scaled((0.95 * x, 0.95 * y, 1)))
        disc(parts, (0.95 * x, 0.95 * y, 0.025), 0)
        parts.cylinder(frame, 0.03, top - thick, (0, 0, 0))
        return parts.finish(size)
    leg = float(rng.uniform(0.025, 0.05))
    legs(parts, frame, (wide, deep, top - thick), leg, 0.0, bool(round_))
    level = float(rng.uniform(0.2, 0.4))
    for sign in (-1, 1):
        parts.box(frame, (wide - leg, 0.015, 0.025), (0, sign * (deep - leg) / 2, level * z), False)
        parts.box(frame, (0.015, deep - leg, 0.025), (sign * (wide - leg) / 2, 0, (level - 0.05) * z), False)
    return parts.finish(size)


def _upholstered(rng: Rng, size: Vector, cushions: int) -> Blueprint:
    x, y, z = size
    parts, cover, foot = Parts(), _cover(rng), one_of(rng, wood, metal)
    soft = cover if rng.random() < 0.6 else fabric(rng)
    leg, seat = float(rng.choice([0.04, 0.08, 0.13])), float(np.clip(rng.uniform(0.42, 0.5) * z, 0.34, 0.48))
    arm, back = float(np.clip(rng.uniform(0.07, 0.13) * x, 0.08, 0.26)), float(rng.uniform(0.17, 0.26)) * y
    arms, pad = seat + float(rng.uniform(0.08, 0.24)), float(rng.uniform(0.1, 0.16))
    legs(parts, foot, (x, y, leg), 0.05, 0.03, bool(rng.random() < 0.5), solid=False)
    parts.solid((x - 0.06, y - 0.06, leg), (0, 0, leg / 2))
    parts.box(cover, (x - 2 * arm, y, seat - pad - leg), (0, 0, (seat - pad + leg) / 2), False)
    parts.solid((x - 2 * arm, y, seat - leg), (0, 0, (seat + leg) / 2))
    parts.box(cover, (x - 2 * arm, back, z - leg), (0, (y - back) / 2, (z + leg) / 2), False)
    parts.solid((x - 2 * arm, back + 0.08, z - seat), (0, (y - back - 0.08) / 2, (z + seat) / 2))
    bulge = rng.random() < 0.5
    for sign in (-1, 1):
        center = (sign * (x - arm) / 2, 0.0, (arms + leg) / 2)
        if bulge:
            parts.add(cover, rounded((arm, y, arms - leg), center, 0.3, SMALL))
            parts.solid((arm, y, arms - leg), center)
        else:
            parts.box(cover, (arm, y, arms - leg), center)
    wide, deep = (x - 2 * arm) / cushions, y - back
    for index in range(cushions):
        middle = -x / 2 + arm + (index + 0.5) * wide
        tall = z - seat - 0.05
        parts.add(
            soft,
            rounded((wide - 0.01, deep - 0.01, pad), (middle, -back / 2, seat - pad / 2), 0.2, SMALL),
            rounded((wide - 0.02, 0.12, tall), (middle, y / 2 - back - 0.05, seat + tall / 2), 0.25, SMALL),
        )
    parts.surface((0, -back / 2 - 0.05, seat), (x - 2 * arm, deep - 0.12))
    return parts.finish(size)


def sofa(rng: Rng, size: Vector) -> Blueprint:
    """Build a sofa with two to four seats."""
    return _upholstered(rng, size, int(rng.integers(2, 4)) if size[0] < 2.3 else int(rng.integers(2, 5)))


def arm_chair(rng: Rng, size: Vector) -> Blueprint:
    """Build an arm chair."""
    return _upholstered(rng, size, 1)


def bed(rng: Rng, size: Vector) -> Blueprint:
    """Build a bed with its headboard at +y and a blanket over the lower part."""
    x, y, z = size
    parts, frame, sheet, blanket = Parts(), wood_or_paint(rng), lacquer(rng, (0.8, 0.95)), fabric(rng)
    top, leg = float(np.clip(rng.uniform(0.48, 0.62) * z, 0.38, 0.62)), float(rng.uniform(0.03, 0.14))
    rail = float(rng.uniform(0.12, 0.2))
    legs(parts, frame, (x, y, leg), 0.07, 0.02, False, solid=False)
    parts.box(frame, (x, y, rail), (0, 0, leg + rail / 2), False)
    parts.solid((x - 0.01, y - 0.01, leg + rail), (0, 0, (leg + rail) / 2))
    board = _cover(rng) if rng.random() < 0.35 else frame
    if rng.random() < 0.3:
        parts.box(frame, (x, 0.05, 0.07), (0, y / 2 - 0.03, z - 0.035), False)
        for offset in np.linspace(-0.48, 0.48, int(rng.integers(5, 10))):
            parts.box(frame, (0.04, 0.04, z - leg), (float(offset) * x, y / 2 - 0.03, (z + leg) / 2), False)
        parts.solid((x, 0.05, z - leg), (0, y / 2 - 0.03, (z + leg) / 2))
    else:
        parts.box(board, (x, float(rng.uniform(0.05, 0.1)), z - leg), (0, y / 2 - 0.04, (z + leg) / 2))
    if rng.random() < 0.35:
        foot = float(rng.uniform(0.05, 0.15))
        parts.box(frame, (x, 0.05, top + foot - leg), (0, -y / 2 + 0.025, (top + foot + leg) / 2))
    tall = top - leg - rail
    middle = (0.0, -0.02, top - tall / 2 - 0.006)
    parts.add(sheet, rounded((x - 0.05, y - 0.13, tall - 0.012), middle, 0.12, MEDIUM))
    parts.solid((x - 0.06, y - 0.14, tall - 0.012), middle)
    part = float(rng.uniform(0.4, 0.8)) * y
    parts.box(blanket, (x - 0.02, part, 0.16), (0, -y / 2 + part / 2 + 0.06, top - 0.08))
    if board is frame and rng.random() < 0.5:
        parts.box(fabric(rng), (x - 0.018, 0.14, 0.16), (0, -y / 2 + part, top - 0.078), False)
    parts.surface((0, -0.04, top), (x - 0.08, y - 0.22))
    return parts.finish(size)


def ottoman(rng: Rng, size: Vector) -> Blueprint:
    """Build an upholstered block on short feet, its pad soft or flat."""
    x, y, z = size
    parts, cover = Parts(), _cover(rng)
    leg, pad = float(rng.uniform(0.03, 0.12)), float(rng.uniform(0.06, 0.14))
    legs(parts, one_of(rng, wood, metal), (x, y, leg), 0.04, 0.03, True, solid=False)
    parts.solid((x - 0.06, y - 0.06, leg), (0, 0, leg / 2))
    parts.box(cover, (x - 0.01, y - 0.01, z - leg - pad), (0, 0, (z - pad + leg) / 2))
    soft = cover if rng.random() < 0.5 else fabric(rng)
    parts.add(soft, rounded((x, y, pad), (0, 0, z - pad / 2), float(rng.uniform(0.08, 0.3)), MEDIUM))
    parts.solid((x, y, pad), (0, 0, z - pad / 2))
    parts.surface((0, 0, z), (x - 0.08, y - 0.08))
    return parts.finish(size)


def footstool(rng: Rng, size: Vector) -> Blueprint:
    """Build a low padded stool, or a wooden one with a step."""
    x, y, z = size
    parts, pad = Parts(), float(rng.uniform(0.18, 0.35)) * z
    frame = one_of(rng, wood, metal, lacquer)
    legs(parts, frame, (x, y, z - pad), float(rng.uniform(0.025, 0.05)), 0.005, bool(rng.random() < 0.5))
    if rng.random() < 0.4:
        parts.box(frame, (x - 0.04, y - 0.04, 0.02), (0, 0, z * float(rng.uniform(0.2, 0.35))), False)
    center = (0.0, 0.0, z - pad / 2)
    parts.add(_cover(rng), rounded((x, y, pad), center, float(rng.uniform(0.08, 0.3)), MEDIUM))
    parts.solid((x, y, pad), center)
    parts.surface((0, 0, z), (x - 0.05, y - 0.05))
    return parts.finish(size)


def safe(rng: Rng, size: Vector) -> Blueprint:
    """Build a steel box with a door, a dial or keypad, and a handle or wheel."""
    x, y, z = size
    base = tint(rng, (0.05, 0.6), (0.18, 0.65))
    body = Material("brushed", (base, shade(base, 0.8)), 0.5, 0.4, int(rng.integers(1 << 30)))
    door = Material(
        "plain", (shade(base, float(rng.uniform(0.6, 1.5))), base), 0.5, 0.4, int(rng.integers(1 << 30))
    )
    parts, knob, front = Parts(), metal(rng), -y / 2
    foot, edge = float(rng.uniform(0.01, 0.06)), float(rng.uniform(0.02, 0.12))
    sunk = float(rng.uniform(0.035, 0.06))
    parts.box(body, (x, y - sunk, z - foot), (0, sunk / 2, (z + foot) / 2), False)
    parts.solid((x, y - 0.02, z - foot), (0, 0.01, (z + foot) / 2))
    inset = float(rng.uniform(0.04, 0.2))
    parts.box(DARK, (x - inset, y - inset, foot), (0, 0, foot / 2))
    plate = (x - 2 * edge, sunk - 0.02, z - foot - 2 * edge)
    parts.box(door, plate, (0, front + 0.025 + plate[1] / 2, (z + foot) / 2), False)
    at, level = float(rng.uniform(-0.1, 0.18)) * x, float(rng.uniform(0.45, 0.65)) * z
    if rng.random() < 0.5:
        dial = cylinder(0.055, 0.022, segments=MEDIUM).moved((at, front + 0.027, level), pitch=np.pi / 2)
        parts.add(knob, dial)
    else:
        parts.box(DARK, (0.12, 0.012, 0.15), (at, front + 0.02, level), False)
        for index in range(9):
            key = (at + 0.032 * (index % 3 - 1), front + 0.012, level + 0.035 * (index // 3 - 1))
            parts.box(knob, (0.02, 0.006, 0.02), key, False)
    if rng.random() < 0.5:
        parts.box(knob, (0.02, 0.025, z * 0.3), (-0.3 * x, front + 0.0125, z / 2), False)
    else:
        for turn in (0.3, 1.35, 2.4):
            bar = box((0.2, 0.014, 0.018)).moved(roll=turn)
            parts.add(knob, bar.moved((-0.24 * x, front + 0.0125, z / 2)))
    parts.surface((0, 0.02, z), (x, y - 0.04))
    return parts.finish(size)
