"""The facts about every type: mass, size, how many a room holds, where it stands, and who builds it.

Masses, sizes, counts and receptacles are medians and counts over iTHOR's 120 rooms.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from thor_interact_env.simulators.mujoco.objects import furniture, goods, tableware
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Vector

Builder = Callable[[np.random.Generator, Vector], Blueprint]

SIZE_VARIATION = 0.12
"""Greatest relative deviation of an instance's extents from the median."""


@dataclass(frozen=True)
class ObjectType:
    """One movable type.

    Attributes:
        name: iTHOR's name.
        mass: Kilograms.
        size: Median full extents x, y, z in metres.
        rooms: Expected number in a room of each type; types that a room type lacks are left out.
        receptacles: Types it stands on, most frequent first; "Floor" among them.
        builder: Makes an instance of a given size.
        pickupable: Whether the spawn seed re-places it; furniture keeps its planned place.
    """

    name: str
    mass: float
    size: Vector
    rooms: Mapping[str, float]
    receptacles: tuple[str, ...]
    builder: Builder
    pickupable: bool = True


_ROOM_TYPES = ("kitchen", "living_room", "bedroom", "bathroom")

_SMALL: tuple[tuple[str, float, Vector, tuple[float, float, float, float], str, Builder], ...] = (
    # name, kg, metres, expected per kitchen / living room / bedroom / bathroom, receptacles, builder
    ("AlarmClock", 0.8, (0.17, 0.13, 0.18), (0, 0, 1, 0), "SideTable Shelf Dresser Desk", goods.alarm_clock),
    ("Apple", 0.2, (0.11, 0.11, 0.106), (1, 0, 0, 0), "CounterTop DiningTable", tableware.apple),
    ("BaseballBat", 0.9, (0.95, 0.1, 0.094), (0, 0, 0.45, 0), "Floor Bed", goods.baseball_bat),
    ("BasketBall", 0.6, (0.24, 0.24, 0.24), (0, 0, 0.4, 0), "Floor", tableware.ball),
    ("Book", 0.5, (0.28, 0.327, 0.03), (0.1, 0.25, 1.2, 0), "Desk Dresser SideTable Shelf Bed", goods.book),
    ("Boots", 0.7, (0.28, 0.28, 0.517), (0, 0.2, 0.1, 0), "Floor", goods.boots),
    ("Bottle", 0.2, (0.107, 0.107, 0.254), (0.25, 0, 0, 0), "CounterTop Shelf DiningTable", tableware.bottle),
    (
        "Bowl",
        0.47,
        (0.193, 0.193, 0.087),
        (1.05, 0.2, 0.4, 0),
        "CounterTop DiningTable Desk CoffeeTable",
        tableware.bowl,
    ),
    ("Box", 0.3, (0.473, 0.434, 0.289), (0, 1, 0.4, 0), "Floor CoffeeTable Shelf DiningTable", goods.carton),
    ("Bread", 0.7, (0.3, 0.18, 0.136), (1, 0, 0, 0), "CounterTop DiningTable", tableware.bread),
    ("ButterKnife", 0.08, (0.265, 0.03, 0.007), (1, 0, 0, 0), "CounterTop DiningTable", goods.knife),
    ("CD", 0.015, (0.105, 0.105, 0.004), (0, 0, 1.1, 0), "Desk SideTable Shelf Dresser", goods.disc),
    ("Candle", 0.2, (0.05, 0.05, 0.126), (0, 0.1, 0, 1.1), "CounterTop Bathtub SideTable", tableware.candle),
    (
        "CellPhone",
        0.16,
        (0.174, 0.08, 0.01),
        (0.15, 0.25, 1, 0),
        "Desk Dresser SideTable Shelf",
        goods.cell_phone,
    ),
    ("Cloth", 0.045, (0.214, 0.184, 0.023), (0, 0, 0.15, 1), "CounterTop Bathtub Toilet", goods.folded_cloth),
    ("CoffeeMachine", 5.0, (0.3, 0.42, 0.442), (1, 0, 0, 0), "CounterTop DiningTable", goods.coffee_machine),
    (
        "CreditCard",
        0.006,
        (0.098, 0.06, 0.005),
        (0.1, 1, 1, 0),
        "Desk CoffeeTable SideTable Dresser",
        goods.flat_card,
    ),
    ("Cup", 0.4, (0.114, 0.111, 0.146), (1, 0, 0, 0), "CounterTop DiningTable", tableware.cup),
    ("DeskLamp", 2.06, (0.28, 0.28, 0.46), (0, 0.45, 1, 0), "SideTable Desk Shelf Dresser", goods.desk_lamp),
    ("DishSponge", 0.03, (0.146, 0.087, 0.026), (1, 0, 0, 0.2), "CounterTop SideTable", goods.sponge),
    ("Dumbbell", 4.54, (0.344, 0.15, 0.133), (0, 0, 0.15, 0), "Floor Desk", goods.dumbbell),
    ("Egg", 0.055, (0.077, 0.058, 0.056), (1, 0, 0, 0), "CounterTop DiningTable", tableware.egg),
    ("Fork", 0.04, (0.248, 0.034, 0.02), (1, 0, 0, 0), "CounterTop DiningTable", goods.fork),
    ("GarbageBag", 3.5, (0.51, 0.51, 0.557), (0.1, 0, 0.1, 0), "Floor", goods.garbage_bag),
    (
        "HousePlant",
        3.0,
        (0.36, 0.36, 0.645),
        (0.35, 1, 0.25, 0.05),
        "SideTable CounterTop CoffeeTable DiningTable Shelf",
        tableware.house_plant,
    ),
    ("Kettle", 0.8, (0.209, 0.197, 0.187), (0.5, 0, 0, 0), "CounterTop DiningTable", tableware.kettle),
    ("KeyChain", 0.075, (0.129, 0.078, 0.008), (0, 1, 1, 0), "SideTable Desk CoffeeTable", goods.key_chain),
    ("Knife", 0.18, (0.297, 0.05, 0.014), (1, 0, 0, 0), "CounterTop DiningTable", goods.knife),
    ("Ladle", 0.08, (0.252, 0.1, 0.056), (0.35, 0, 0, 0), "CounterTop DiningTable", goods.spoon),
    (
        "Laptop",
        2.3,
        (0.397, 0.42, 0.298),
        (0, 1, 1, 0),
        "Desk CoffeeTable Dresser DiningTable Bed",
        goods.laptop,
    ),
    ("Lettuce", 0.47, (0.222, 0.178, 0.152), (1, 0, 0, 0), "CounterTop DiningTable", tableware.lettuce),
    ("Microwave", 7.0, (0.608, 0.366, 0.353), (1, 0, 0, 0), "CounterTop DiningTable", goods.microwave),
    ("Mug", 1.0, (0.112, 0.09, 0.104), (1, 0, 0.55, 0), "CounterTop Desk DiningTable", tableware.mug),
    (
        "Newspaper",
        0.2,
        (0.36, 0.229, 0.03),
        (0, 0.6, 0, 0),
        "Sofa DiningTable CoffeeTable Shelf",
        goods.newspaper,
    ),
    ("Pan", 0.67, (0.411, 0.279, 0.049), (1, 0, 0, 0), "CounterTop StoveBurner DiningTable", tableware.pan),
    (
        "PaperTowelRoll",
        0.22,
        (0.078, 0.078, 0.215),
        (0.35, 0, 0, 0.15),
        "CounterTop SideTable",
        tableware.roll,
    ),
    ("Pen", 0.006, (0.19, 0.015, 0.011), (0.1, 0.15, 1, 0), "Desk Dresser SideTable DiningTable", goods.pen),
    (
        "Pencil",
        0.006,
        (0.17, 0.018, 0.009),
        (0.1, 0.15, 1, 0),
        "Desk Dresser SideTable DiningTable",
        goods.pen,
    ),
    ("PepperShaker", 0.14, (0.067, 0.067, 0.114), (1, 0, 0, 0), "CounterTop DiningTable", tableware.shaker),
    ("Pillow", 0.7, (0.436, 0.363, 0.139), (0, 1, 1.4, 0), "Bed Sofa ArmChair", goods.pillow),
    (
        "Plate",
        0.62,
        (0.245, 0.243, 0.023),
        (1, 0.3, 0, 0),
        "DiningTable CounterTop CoffeeTable",
        tableware.plate,
    ),
    ("Plunger", 1.0, (0.148, 0.148, 0.539), (0, 0, 0, 1), "Floor", tableware.plunger),
    ("Pot", 0.57, (0.396, 0.284, 0.16), (1, 0, 0, 0), "CounterTop StoveBurner DiningTable", tableware.pot),
    ("Potato", 0.18, (0.11, 0.09, 0.076), (1, 0, 0, 0), "CounterTop DiningTable", tableware.potato),
    (
        "RemoteControl",
        0.15,
        (0.216, 0.068, 0.022),
        (0, 1, 0.1, 0),
        "CoffeeTable SideTable Sofa",
        goods.remote_control,
    ),
    ("SaltShaker", 0.4, (0.068, 0.068, 0.111), (1, 0, 0, 0), "CounterTop DiningTable", tableware.shaker),
    ("ScrubBrush", 0.19, (0.134, 0.132, 0.476), (0, 0, 0, 1), "Floor", goods.scrub_brush),
    ("SoapBar", 0.11, (0.102, 0.074, 0.025), (0, 0, 0, 1), "CounterTop Bathtub Shelf", goods.soap_bar),
    (
        "SoapBottle",
        0.4,
        (0.123, 0.105, 0.238),
        (1, 0, 0, 1),
        "CounterTop SideTable Shelf",
        tableware.pump_bottle,
    ),
    ("Spatula", 0.065, (0.297, 0.1, 0.018), (1, 0, 0, 0), "CounterTop DiningTable", goods.spatula),
    ("Spoon", 0.04, (0.207, 0.041, 0.019), (1, 0, 0, 0), "CounterTop DiningTable", goods.spoon),
    (
        "SprayBottle",
        0.11,
        (0.113, 0.06, 0.246),
        (0.1, 0, 0, 1),
        "CounterTop Toilet SideTable Shelf",
        tableware.spray_bottle,
    ),
    (
        "Statue",
        1.0,
        (0.208, 0.16, 0.341),
        (0.15, 1.2, 0.15, 0),
        "Shelf SideTable CoffeeTable TVStand",
        tableware.statue,
    ),
    ("TeddyBear", 0.9, (0.413, 0.4, 0.459), (0, 0, 0.35, 0), "Bed", tableware.teddy_bear),
    ("Television", 9.83, (1.0, 0.3, 0.7), (0, 1, 0.1, 0), "TVStand Dresser", goods.television),
    ("TennisRacket", 0.31, (0.631, 0.28, 0.05), (0, 0, 0.35, 0), "Floor Bed", goods.tennis_racket),
    (
        "TissueBox",
        0.35,
        (0.199, 0.102, 0.15),
        (0, 0.3, 0.15, 0.3),
        "SideTable Shelf CounterTop CoffeeTable",
        goods.tissue_box,
    ),
    ("Toaster", 5.0, (0.362, 0.234, 0.207), (1, 0, 0, 0), "CounterTop DiningTable", goods.toaster),
    ("ToiletPaper", 0.2, (0.078, 0.072, 0.119), (0, 0, 0, 2), "Toilet CounterTop Floor", tableware.roll),
    ("Tomato", 0.12, (0.125, 0.123, 0.104), (1, 0, 0, 0), "CounterTop DiningTable", tableware.tomato),
    (
        "Vase",
        1.0,
        (0.182, 0.182, 0.244),
        (0.2, 0.6, 0.1, 0),
        "Shelf DiningTable CounterTop SideTable",
        tableware.vase,
    ),
    (
        "Watch",
        0.07,
        (0.078, 0.078, 0.035),
        (0, 0.55, 0.1, 0),
        "CoffeeTable SideTable TVStand Shelf",
        goods.watch,
    ),
    ("WateringCan", 1.0, (0.267, 0.152, 0.194), (0, 0.45, 0, 0), "Floor Shelf", tableware.watering_can),
    ("WineBottle", 1.2, (0.088, 0.088, 0.326), (0.35, 0, 0, 0), "CounterTop DiningTable", tableware.bottle),
)

_FURNITURE: tuple[tuple[str, float, Vector, tuple[float, float, float, float], Builder], ...] = (
    ("ArmChair", 28.3, (0.94, 0.9, 0.906), (0, 1.3, 0.25, 0), furniture.arm_chair),
    ("Bed", 30.0, (1.5, 2.1, 0.913), (0, 0, 1, 0), furniture.bed),
    ("Chair", 10.0, (0.5, 0.52, 0.953), (1, 1.2, 0.8, 0), furniture.chair),
    ("CoffeeTable", 11.0, (1.171, 0.703, 0.443), (0, 1, 0.05, 0), furniture.coffee_table),
    ("Desk", 34.0, (1.4, 0.75, 0.802), (0, 0.1, 0.9, 0), furniture.desk),
    ("DiningTable", 85.0, (1.3, 0.85, 0.782), (0.6, 0.7, 0, 0), furniture.dining_table),
    ("DogBed", 0.98, (0.992, 0.835, 0.175), (0, 0.07, 0.05, 0), furniture.dog_bed),
    ("Dresser", 57.0, (1.3, 0.562, 0.97), (0, 0.35, 0.6, 0.07), furniture.dresser),
    ("FloorLamp", 3.93, (0.45, 0.45, 1.75), (0, 1, 0, 0), furniture.floor_lamp),
    ("Footstool", 4.0, (0.309, 0.281, 0.309), (0, 0, 0.05, 0.05), furniture.footstool),
    ("GarbageCan", 0.7, (0.36, 0.36, 0.544), (1, 1, 1, 1), furniture.garbage_can),
    ("LaundryHamper", 1.55, (0.5, 0.44, 0.743), (0, 0, 0.3, 0), furniture.laundry_hamper),
    ("Ottoman", 10.0, (0.7, 0.519, 0.429), (0, 0.15, 0, 0), furniture.ottoman),
    ("Safe", 10.0, (0.5, 0.5, 0.505), (0, 0.07, 0.2, 0), furniture.safe),
    ("ShelvingUnit", 22.0, (0.939, 0.4, 1.484), (0.2, 0.2, 0.25, 0), furniture.shelving_unit),
    ("SideTable", 11.0, (0.6, 0.5, 0.669), (0.1, 1.2, 0.9, 0.2), furniture.side_table),
    ("Sofa", 104.0, (1.9, 0.95, 0.9), (0, 1, 0, 0), furniture.sofa),
    ("Stool", 3.18, (0.4, 0.38, 0.757), (0.6, 0.1, 0.05, 0), furniture.stool),
    ("TVStand", 11.0, (1.205, 0.5, 0.734), (0, 0.45, 0, 0), furniture.tv_stand),
)


def _expected(counts: tuple[float, float, float, float]) -> dict[str, float]:
    return {room: count for room, count in zip(_ROOM_TYPES, counts, strict=True) if count > 0}


CATALOG: Mapping[str, ObjectType] = {
    **{
        name: ObjectType(name, mass, size, _expected(counts), tuple(receptacles.split()), builder)
        for name, mass, size, counts, receptacles, builder in _SMALL
    },
    **{
        name: ObjectType(name, mass, size, _expected(counts), ("Floor",), builder, pickupable=False)
        for name, mass, size, counts, builder in _FURNITURE
    },
}
"""Every movable type by name."""


def build(name: str, rng: np.random.Generator) -> Blueprint:
    """Return a random instance of a type: its size varies a little, its mass does not.

    Args:
        name: A key of `CATALOG`.
        rng: Decides everything about the instance.

    Raises:
        KeyError: There is no such type.
    """
    if name not in CATALOG:
        raise KeyError(f"There is no object type {name!r}; the catalog has {', '.join(sorted(CATALOG))}.")
    found = CATALOG[name]
    x, y, z = np.asarray(found.size) * rng.uniform(1 - SIZE_VARIATION, 1 + SIZE_VARIATION, 3)
    return replace(found.builder(rng, (float(x), float(y), float(z))), mass=found.mass)
