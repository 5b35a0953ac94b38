"""Facts of iTHOR's 120 rooms about every movable type: one line each, read once at import.

Columns: name; mass in kilograms; longest, middle and shortest side of its box in metres (medians); the axes
along which an instance has them ("zxy" stands tall, "xyz" lies flat); total number; in how many
of the 30 kitchens, living rooms, bedrooms and bathrooms; what they lie on, most frequent first.
Omitted as places: closed containers (cabinet, drawer, fridge), whose content cannot be seen or touched, and
the floor if fewer than a tenth of a type lie there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from thor_interact_env.simulators.mujoco.shapes import Vector

ROOMS = ("kitchen", "living_room", "bedroom", "bathroom")
_ROOMS_OF_A_TYPE = 30

_TABLE = """
AlarmClock      0.8   0.216 0.174 0.129 xzy  30   0  0 30  0 SideTable Shelf Dresser Desk
AluminumFoil    0.9   0.237 0.082 0.036 xyz   3   1  0  0  0 Shelf CounterTop
Apple           0.2   0.119 0.106 0.103 xzy  30  30  0  0  0 CounterTop DiningTable Sink
ArmChair        28.3  1.041 0.941 0.817 xzy  47   0 27  6  0 Floor
BaseballBat     0.9   0.959 0.257 0.094 xyz  14   0  0 13  0 Floor
BasketBall      0.6   0.24  0.24  0.24  xyz  11   0  0 11  0 Floor
Bed             30.0  2.344 1.498 0.913 yxz  32   0  0 30  0 Floor
Book            0.5   0.327 0.28  0.03  yxz  39   2  7 30  0 Desk Dresser Chair SideTable
Boots           0.7   0.517 0.292 0.271 zxy   8   0  5  3  0 Floor
Bottle          0.2   0.254 0.107 0.107 zxy   7   7  0  0  0 CounterTop Shelf DiningTable
Bowl            0.47  0.193 0.193 0.087 xyz  48  30  5 13  0 CounterTop DiningTable Desk CoffeeTable
Box             0.3   0.473 0.434 0.289 xyz  42   0 30 12  0 Floor CoffeeTable Shelf DiningTable
Bread           0.7   0.3   0.219 0.134 xyz  30  30  0  0  0 CounterTop DiningTable
ButterKnife     0.08  0.265 0.09  0.007 xyz  30  30  0  0  0 CounterTop Sink DiningTable
CD              0.015 0.105 0.105 0.004 xyz  33   0  0 30  0 Desk SideTable Shelf Dresser
Candle          0.2   0.126 0.05  0.05  zxy  35   0  3  0 30 CounterTop Bathtub SideTable Floor
CellPhone       0.16  0.174 0.131 0.01  xyz  41   4  7 30  0 Desk Dresser SideTable Shelf
Chair           10.0  0.953 0.612 0.54  zyx 122  12 20 22  0 Floor
Cloth           0.045 0.214 0.184 0.023 xyz  39   0  0  5 30 CounterTop Bathtub Floor Toilet
CoffeeMachine   5.0   0.484 0.442 0.411 yzx  30  30  0  0  0 CounterTop DiningTable
CoffeeTable     11.0  1.171 0.703 0.443 xyz  29   0 24  1  0 Floor
CreditCard      0.006 0.098 0.077 0.005 xyz  63   3 30 30  0 Desk CoffeeTable SideTable Dresser
Cup             0.4   0.146 0.114 0.111 zxy  30  30  0  0  0 CounterTop DiningTable Sink
Desk            34.0  1.627 0.883 0.657 xzy  30   0  2 24  0 Floor
DeskLamp        2.06  0.46  0.286 0.281 zxy  51   0 13 30  0 SideTable Desk Shelf Dresser
Desktop         2.54  0.777 0.6   0.409 xzy   2   0  0  2  0 Desk
DiningTable     85.0  1.47  0.924 0.78  xyz  37  16 14  0  0 Floor
DishSponge      0.03  0.146 0.087 0.026 xyz  36  30  0  0  6 CounterTop Sink SideTable Toilet
DogBed          0.98  0.992 0.835 0.175 xyz   3   0  2  1  0 Floor
Dresser         57.0  1.516 0.863 0.562 xzy  26   0 10 11  2 Floor
Dumbbell        4.54  0.344 0.301 0.133 xyz   5   0  0  4  0 Floor Desk
Egg             0.055 0.077 0.06  0.056 xzy  30  30  0  0  0 Sink CounterTop
FloorLamp       3.93  1.878 0.517 0.516 zxy  31   0 30  0  0 Floor
Footstool       4.0   0.309 0.281 0.276 zxy   3   0  0  1  1 Floor
Fork            0.04  0.248 0.034 0.02  xyz  30  30  0  0  0 CounterTop Sink DiningTable
GarbageBag      3.5   0.557 0.515 0.51  zxy   6   3  0  3  0 Floor
GarbageCan      0.7   0.548 0.418 0.361 zxy 120  30 30 30 30 Floor
HandTowel       0.08  0.405 0.129 0.039 xyz  30   0  0  0 30 TowelHolder CounterTop Bathtub Shelf Toilet
HousePlant      3.0   0.645 0.393 0.331 zxy  51  10 30  7  1 SideTable CounterTop CoffeeTable DiningTable
Kettle          0.8   0.209 0.197 0.187 xyz  15  15  0  0  0 CounterTop StoveBurner DiningTable
KeyChain        0.075 0.129 0.078 0.008 xyz  60   0 30 30  0 SideTable Desk CoffeeTable Floor
Knife           0.18  0.297 0.189 0.014 xyz  30  30  0  0  0 CounterTop Sink DiningTable
Ladle           0.08  0.252 0.16  0.056 xyz  11  10  0  0  0 CounterTop DiningTable
Laptop          2.3   0.445 0.397 0.293 xyz  60   0 30 30  0 Desk CoffeeTable Dresser DiningTable
LaundryHamper   1.55  0.743 0.523 0.441 zxy   8   0  0  8  0 Floor
Lettuce         0.47  0.222 0.178 0.151 xyz  30  30  0  0  0 CounterTop Sink DiningTable
Microwave       7.0   0.608 0.366 0.352 xyz  30  30  0  0  0 CounterTop DiningTable
Mug             1.0   0.112 0.104 0.103 xzy  46  30  0 16  0 CounterTop Desk DiningTable Sink
Newspaper       0.2   0.36  0.229 0.03  xyz  18   0 18  0  0 Sofa Floor DiningTable Shelf
Ottoman         10.0  0.854 0.519 0.429 xyz   4   0  4  0  0 Floor
Pan             0.67  0.411 0.279 0.049 xyz  30  30  0  0  0 StoveBurner CounterTop DiningTable
PaperTowelRoll  0.22  0.215 0.078 0.065 zxy  14  10  0  0  4 CounterTop SideTable Toilet
Pen             0.006 0.199 0.025 0.011 xyz  37   2  5 30  0 Desk Dresser SideTable DiningTable
Pencil          0.006 0.17  0.018 0.009 xyz  36   2  4 30  0 Desk Dresser DiningTable SideTable
PepperShaker    0.14  0.114 0.067 0.067 zxy  30  30  0  0  0 CounterTop DiningTable SideTable
Pillow          0.7   0.436 0.363 0.139 xyz  72   0 30 30  0 Bed Sofa Floor ArmChair
Plate           0.62  0.245 0.243 0.023 xyz  40  30 10  0  0 DiningTable CounterTop Chair
Plunger         1.0   0.539 0.148 0.148 zxy  30   0  0  0 30 Floor
Pot             0.57  0.396 0.284 0.16  xyz  30  30  0  0  0 CounterTop StoveBurner DiningTable
Potato          0.18  0.11  0.09  0.076 xyz  30  30  0  0  0 CounterTop DiningTable Sink
RemoteControl   0.15  0.216 0.068 0.022 xyz  33   0 30  3  0 CoffeeTable Floor SideTable Sofa
RoomDecor       2.72  1.449 0.398 0.326 zxy   9   0  2  0  0 Floor
Safe            10.0  0.563 0.505 0.498 xzy   8   1  2  5  0 Floor
SaltShaker      0.4   0.111 0.068 0.068 zxy  30  30  0  0  0 CounterTop DiningTable SideTable
ScrubBrush      0.19  0.476 0.134 0.132 zxy  30   0  0  0 30 Floor
ShelvingUnit    22.0  1.484 0.939 0.466 zxy  19   5  5  7  0 Floor
SideTable       11.0  0.677 0.622 0.366 zxy  94   3 27 23  5 Floor
SoapBar         0.11  0.102 0.074 0.025 xyz  30   0  0  0 30 CounterTop Bathtub Shelf
SoapBottle      0.4   0.238 0.123 0.105 zxy  60  30  0  0 30 CounterTop SideTable Sink
Sofa            104.0 2.482 1.047 0.908 xyz  37   0 30  1  0 Floor
Spatula         0.065 0.297 0.122 0.018 xyz  30  30  0  0  0 CounterTop StoveBurner
Spoon           0.04  0.207 0.041 0.019 xyz  30  30  0  0  0 CounterTop Sink DiningTable
SprayBottle     0.11  0.246 0.113 0.034 zxy  32   2  0  0 30 CounterTop Toilet SideTable
Statue          1.0   0.358 0.208 0.146 zxy  63   4 29  4  0 Shelf SideTable Floor CoffeeTable
Stool           3.18  0.757 0.403 0.366 zxy  23  14  2  1  0 Floor
TVStand         11.0  1.205 0.753 0.599 xzy  14   0 12  0  0 Floor
TableTopDecor   5.4   0.398 0.313 0.139 xyz   1   0  0  1  0 Desk
TeddyBear       0.9   0.46  0.413 0.368 zxy  10   0  0 10  0 Bed Floor
Television      9.83  1.124 0.807 0.32  xzy  33   0 30  3  0 TVStand Dresser CoffeeTable
TennisRacket    0.31  0.631 0.296 0.19  xyz  10   0  0 10  0 Floor
TissueBox       0.35  0.199 0.15  0.102 xzy  22   0  9  4  9 SideTable Shelf CounterTop CoffeeTable
Toaster         5.0   0.362 0.234 0.195 xyz  30  30  0  0  0 CounterTop DiningTable
ToiletPaper     0.2   0.12  0.078 0.072 zxy  60   0  0  0 30 Toilet CounterTop Floor
Tomato          0.12  0.127 0.123 0.104 xyz  30  30  0  0  0 CounterTop DiningTable Sink
Towel           0.57  0.592 0.408 0.043 xyz  30   0  0  0 30 TowelHolder CounterTop Bathtub Shelf Toilet
VacuumCleaner   6.8   1.008 0.443 0.437 zxy   1   0  0  1  0 Floor
Vase            1.0   0.244 0.182 0.182 zxy  67   6 18  3  0 Shelf Floor DiningTable CounterTop
Watch           0.07  0.078 0.049 0.035 xyz  18   0 16  2  0 CoffeeTable SideTable TVStand Shelf
WateringCan     1.0   0.267 0.194 0.152 xzy  13   0 13  0  0 Floor Shelf
WineBottle      1.2   0.326 0.088 0.088 zxy  10  10  0  0  0 CounterTop DiningTable
"""

OWN_BOXES: Mapping[str, Vector] = {
    # Leaning at a wall, it is as wide as it leans; lying, as it is thick.
    "BaseballBat": (0.959, 0.094, 0.094),
    "TennisRacket": (0.631, 0.296, 0.045),
    # Lying turned, they fill the box of their diagonal; the width is that of the object itself.
    "ButterKnife": (0.265, 0.026, 0.007),
    "CellPhone": (0.174, 0.082, 0.01),
    "Dumbbell": (0.344, 0.137, 0.133),
    "Knife": (0.297, 0.042, 0.014),
    "Ladle": (0.252, 0.092, 0.056),
    "Pen": (0.199, 0.012, 0.011),
    "Pencil": (0.17, 0.01, 0.009),
}
"""Longest, middle and shortest side of types for which iTHOR's box depends on the pose of the object."""


@dataclass(frozen=True)
class Facts:
    """One line of the table.

    Attributes:
        mass: Kilograms.
        box: Longest, middle and shortest side of iTHOR's box, metres.
        size: Extents x, y, z of the median instance: `box` or its entry in `OWN_BOXES`, along the axes.
        rooms: Expected number in a room of each type; types that a room type lacks are omitted.
        receptacles: What it stands on, most frequent first.
    """

    mass: float
    box: Vector
    size: Vector
    rooms: Mapping[str, float]
    receptacles: tuple[str, ...]


def _read(line: str) -> tuple[str, Facts]:
    name, mass, *words = line.split()
    longest, middle, shortest = (float(word) for word in words[:3])
    box = (longest, middle, shortest)
    sides = dict(zip(words[3], OWN_BOXES.get(name, box), strict=True))
    instances, scenes = int(words[4]), [int(word) for word in words[5:9]]
    rooms = {
        room: instances * count / sum(scenes) / _ROOMS_OF_A_TYPE
        for room, count in zip(ROOMS, scenes, strict=True)
        if count > 0
    }
    size = (sides["x"], sides["y"], sides["z"])
    return name, Facts(float(mass), box, size, rooms, tuple(words[9:]))


FACTS: Mapping[str, Facts] = dict(_read(line) for line in _TABLE.strip().splitlines())
"""The facts about every movable type by name."""
