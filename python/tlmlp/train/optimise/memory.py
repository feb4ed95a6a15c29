"""Keep freed memory in the process.

A training step frees and asks for the same few hundred megabytes again and again. By default the C library returns
arrays above a threshold to the system when they are freed. The system gives them back page by page, filled with zeros,
which takes a quarter of the time of a step.
"""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGEST_ARRAY = 32 << 20  # bytes, the largest threshold that glibc takes
_KEPT = 1 << 30


def keep_freed_memory() -> None:
    """Make malloc keep up to 1 GiB of freed memory; nothing happens where the C library is not glibc."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_ARRAY)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
