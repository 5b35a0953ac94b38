"""Every movable type: the facts about it, and the builder that makes instances of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from thor_interact_env.simulators.mujoco.objects import (
    decor,
    electronics,
    food,
    furniture,
    goods,
    household,
    paper,
    tables,
    tableware,
    textiles,
    utensils,
)
from thor_interact_env.simulators.mujoco.objects.facts import FACTS
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Vector

Builder = Callable[[np.random.Generator, Vector], Blueprint]

SIZE_VARIATION = 0.12
"""Maximum relative deviation of an instance's extents from the median."""


@dataclass(frozen=True)
class ObjectType:
    """One movable type.

    Attributes:
        name: iTHOR's name.
        mass: Kilograms.
        size: Median full extents x, y, z in metres.
        rooms: Expected number in a room of each type; types that a room type lacks are omitted.
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


_SMALL: Mapping[str, Builder] = {
    "AlarmClock": electronics.alarm_clock,
    "AluminumFoil": paper.aluminum_foil,
    "Apple": food.apple,
    "BaseballBat": goods.baseball_bat,
    "BasketBall": decor.basket_ball,
    "Book": paper.book,
    "Boots": goods.boots,
    "Bottle": tableware.bottle,
    "Bowl": tableware.bowl,
    "Box": paper.carton,
    "Bread": food.bread,
    "ButterKnife": utensils.butter_knife,
    "CD": goods.disc,
    "Candle": decor.candle,
    "CellPhone": electronics.cell_phone,
    "Cloth": textiles.folded_cloth,
    "CoffeeMachine": electronics.coffee_machine,
    "CreditCard": paper.credit_card,
    "Cup": tableware.cup,
    "DeskLamp": household.desk_lamp,
    "Desktop": electronics.desktop,
    "DishSponge": goods.sponge,
    "Dumbbell": goods.dumbbell,
    "Egg": food.egg,
    "Fork": utensils.fork,
    "GarbageBag": goods.garbage_bag,
    "HandTowel": textiles.hand_towel,
    "HousePlant": decor.house_plant,
    "Kettle": tableware.kettle,
    "KeyChain": goods.key_chain,
    "Knife": utensils.knife,
    "Ladle": utensils.ladle,
    "Laptop": electronics.laptop,
    "Lettuce": food.lettuce,
    "Microwave": electronics.microwave,
    "Mug": tableware.mug,
    "Newspaper": paper.newspaper,
    "Pan": tableware.pan,
    "PaperTowelRoll": paper.paper_towel_roll,
    "Pen": utensils.pen,
    "Pencil": utensils.pencil,
    "PepperShaker": tableware.pepper_shaker,
    "Pillow": textiles.pillow,
    "Plate": tableware.plate,
    "Plunger": goods.plunger,
    "Pot": tableware.pot,
    "Potato": food.potato,
    "RemoteControl": electronics.remote_control,
    "SaltShaker": tableware.salt_shaker,
    "ScrubBrush": goods.scrub_brush,
    "SoapBar": goods.soap_bar,
    "SoapBottle": tableware.pump_bottle,
    "Spatula": utensils.spatula,
    "Spoon": utensils.spoon,
    "SprayBottle": tableware.spray_bottle,
    "Statue": decor.statue,
    "TableTopDecor": decor.table_top_decor,
    "TeddyBear": decor.teddy_bear,
    "Television": electronics.television,
    "TennisRacket": goods.tennis_racket,
    "TissueBox": paper.tissue_box,
    "Toaster": electronics.toaster,
    "ToiletPaper": paper.toilet_paper,
    "Tomato": food.tomato,
    "Towel": textiles.towel,
    "Vase": decor.vase,
    "Watch": electronics.watch,
    "WateringCan": tableware.watering_can,
    "WineBottle": tableware.wine_bottle,
}

_FURNITURE: Mapping[str, Builder] = {
    "ArmChair": furniture.arm_chair,
    "Bed": furniture.bed,
    "Chair": furniture.chair,
    "CoffeeTable": tables.coffee_table,
    "Desk": tables.desk,
    "DiningTable": tables.dining_table,
    "DogBed": household.dog_bed,
    "Dresser": tables.dresser,
    "FloorLamp": household.floor_lamp,
    "Footstool": furniture.footstool,
    "GarbageCan": household.garbage_can,
    "LaundryHamper": household.laundry_hamper,
    "Ottoman": furniture.ottoman,
    "RoomDecor": decor.room_decor,
    "Safe": furniture.safe,
    "ShelvingUnit": tables.shelving_unit,
    "SideTable": tables.side_table,
    "Sofa": furniture.sofa,
    "Stool": furniture.stool,
    "TVStand": tables.tv_stand,
    "VacuumCleaner": household.vacuum_cleaner,
}


def _type(name: str, builder: Builder, pickupable: bool) -> ObjectType:
    facts = FACTS[name]
    return ObjectType(name, facts.mass, facts.size, facts.rooms, facts.receptacles, builder, pickupable)


CATALOG: Mapping[str, ObjectType] = {
    **{name: _type(name, builder, True) for name, builder in _SMALL.items()},
    **{name: _type(name, builder, False) for name, builder in _FURNITURE.items()},
}
"""Every movable type by name."""


def build(name: str, rng: np.random.Generator) -> Blueprint:
    """Return a random instance of a type: its size varies a little, its mass does not.

    Args:
        name: A key of `CATALOG`.
        rng: Determines the instance.

    Raises:
        KeyError: There is no such type.
    """
    if name not in CATALOG:
        raise KeyError(f"There is no object type {name!r}; the catalog has {', '.join(sorted(CATALOG))}.")
    found = CATALOG[name]
    x, y, z = np.asarray(found.size) * rng.uniform(1 - SIZE_VARIATION, 1 + SIZE_VARIATION, 3)
    return replace(found.builder(rng, (float(x), float(y), float(z))), mass=found.mass)
