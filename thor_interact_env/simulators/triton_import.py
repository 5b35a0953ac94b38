"""Lets triton, which torch brings, be imported after images have been drawn.

Mesa's software renderer loads LLVM with global symbols. Triton's library contains another release of LLVM;
loaded after Mesa's, it would use thousands of functions of Mesa's LLVM and crash the process. Here it is
loaded such that it uses its own.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Final

_LIBRARY: Final = "triton._C.libtriton"


class TritonFinder:
    """Finds no module: it loads triton's library when Python is about to."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Load the library of a module of this name, if necessary; return None.

        Raises:
            ImportError: Loading it would crash the process.
        """
        if name == _LIBRARY and llvm_is_shared():
            spec = PathFinder.find_spec(name, path)
            if spec is not None and spec.origin is not None:
                if malloc_is_replaced():
                    # What one allocator gives the other would be asked to take back.
                    raise ImportError(
                        "triton cannot be loaded with both Mesa's LLVM and an allocator of LD_PRELOAD: "
                        "import torch and triton before the first image is drawn, or unset LD_PRELOAD"
                    )
                # Python then finds it loaded.
                ctypes.CDLL(spec.origin, mode=os.RTLD_NOW | os.RTLD_DEEPBIND)
        return None


def prepare_for_triton() -> None:
    """See to it that triton may be imported at any time; it costs nothing until it is."""
    # Other systems keep the names of each library apart.
    if hasattr(os, "RTLD_DEEPBIND") and not any(finder is TritonFinder for finder in sys.meta_path):
        sys.meta_path.insert(0, TritonFinder)


def llvm_is_shared() -> bool:
    """Return whether a library loaded now would take functions from an LLVM loaded before."""
    return hasattr(ctypes.CDLL(None), "LLVMContextCreate")


def malloc_is_replaced() -> bool:
    """Return whether memory comes from another allocator than the C library's."""
    used, standard = ctypes.CDLL(None).malloc, ctypes.CDLL("libc.so.6").malloc
    return ctypes.cast(used, ctypes.c_void_p).value != ctypes.cast(standard, ctypes.c_void_p).value
