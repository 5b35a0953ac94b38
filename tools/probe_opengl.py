"""Exit with 0 if MuJoCo can draw without a screen, with 1 if a system library is missing.

MuJoCo draws through EGL or OSMesa, which pip cannot install. Loading `libEGL.so.1` is not sufficient: it is a
dispatcher that loads without any driver. So this program initialises one of its devices. Only the standard
library is used, because nothing else is installed when it runs.
"""

import ctypes
import os
import sys

EGL_PLATFORM_DEVICE_EXT = 0x313F
MAX_DEVICES = 16


def load(*names: str) -> ctypes.CDLL | None:
    """Return the first of the shared libraries that loads, or None."""
    for name in names:
        try:
            return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
    return None


def egl_works() -> bool:
    """Return whether an EGL device can be initialised and desktop OpenGL is there to use on it."""
    egl = load("libEGL.so.1")
    if egl is None or load("libOpenGL.so.0", "libGL.so.1") is None:
        return False
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    query_address = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    display_address = egl.eglGetProcAddress(b"eglGetPlatformDisplayEXT")
    if not query_address or not display_address:
        return False
    query_devices = ctypes.CFUNCTYPE(
        ctypes.c_uint, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_int)
    )(query_address)
    get_display = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)(
        display_address
    )
    egl.eglInitialize.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    egl.eglTerminate.argtypes = [ctypes.c_void_p]
    devices = (ctypes.c_void_p * MAX_DEVICES)()
    count = ctypes.c_int(0)
    if not query_devices(MAX_DEVICES, devices, ctypes.byref(count)):
        return False
    for device in devices[: count.value]:
        display = get_display(EGL_PLATFORM_DEVICE_EXT, device, None)
        if display and egl.eglInitialize(display, None, None):
            egl.eglTerminate(display)
            return True
    return False


def osmesa_works() -> bool:
    """Return whether OSMesa, Mesa's renderer without a window system, loads."""
    return load("libOSMesa.so.8", "libOSMesa.so.6") is not None


def main() -> int:
    """Probe the library that the variable MUJOCO_GL names, or either one if it is not set.

    Returns:
        0 when drawing will work, else 1. Other values of MUJOCO_GL (such as glfw, which needs a screen) are
        the user's own choice and are not probed.
    """
    wanted = os.environ.get("MUJOCO_GL", "").lower()
    if wanted == "egl":
        return 0 if egl_works() else 1
    if wanted == "osmesa":
        return 0 if osmesa_works() else 1
    if wanted:
        return 0
    return 0 if egl_works() or osmesa_works() else 1


if __name__ == "__main__":
    sys.exit(main())
