"""The embedded simulator: iTHOR-like rooms in MuJoCo, without a display, a GPU or a download.

Inside this package coordinates are MuJoCo's: right-handed, z up, metres. Only the module
`simulator` uses AI2-THOR's left-handed, y-up coordinates.
"""

from thor_interact_env.simulators.mujoco.drawing.opengl import choose_backend

# MuJoCo reads the choice at its import, which modules of this package trigger.
choose_backend()
