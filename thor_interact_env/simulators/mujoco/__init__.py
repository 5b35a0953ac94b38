"""The embedded simulator: iTHOR-like rooms in MuJoCo, without a display, a GPU or a download.

Inside this package coordinates are MuJoCo's: right-handed, z up, metres. `simulator` is the only
module that speaks AI2-THOR's left-handed, y-up coordinates.
"""

from thor_interact_env.simulators.mujoco.drawing.opengl import choose_backend

# MuJoCo reads the choice when it is imported, which modules of this package do.
choose_backend()
