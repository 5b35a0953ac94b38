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


class _Finder:
    """An import hook that finds no module, but loads triton's library before Python does."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Load the library of a module of this name, if necessary; return None.

        Raises:
            ImportError: Loading it would crash the process.
        """
        if name == _LIBRARY and _llvm_is_shared():
            spec = PathFinder.find_spec(name, path)
            if spec is not None and spec.origin is not None:
                if _malloc_is_replaced():
                    # Memory of one allocator would be freed by the other.
                    raise ImportError(
                        "triton cannot be loaded with both Mesa's LLVM and an allocator of LD_PRELOAD: "
                        "import torch and triton before the first image is drawn, or unset LD_PRELOAD"
                    )
                # Python then finds it loaded.
                ctypes.CDLL(spec.origin, mode=os.RTLD_NOW | os.RTLD_DEEPBIND)
        return None


def prepare_for_triton() -> None:
    """Make sure that triton can be imported at any time; there is no cost until then."""
    # Other systems separate the symbols of libraries.
    if hasattr(os, "RTLD_DEEPBIND") and not any(finder is _Finder for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder)


def _llvm_is_shared() -> bool:
    """Return whether a library loaded now would use functions of an LLVM loaded before."""
    return hasattr(ctypes.CDLL(None), "LLVMContextCreate")


def _malloc_is_replaced() -> bool:
    """Return whether memory comes from another allocator than the C library's."""
    used, standard = ctypes.CDLL(None).malloc, ctypes.CDLL("libc.so.6").malloc
    return ctypes.cast(used, ctypes.c_void_p).value != ctypes.cast(standard, ctypes.c_void_p).value
