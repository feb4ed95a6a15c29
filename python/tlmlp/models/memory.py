"""Memory of the process: keep what was freed, for programs that evaluate a network over and over."""

import ctypes
import sys

#: Parameters of glibc's mallopt, from malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> bool:
    """Make the C library keep freed blocks instead of returning them to the system.

    A network evaluation allocates and frees the same hundreds of arrays each time; by default the large ones are
    mapped anew and zeroed page by page, which takes 5 to 20 % of the time. The price is that the process holds on to
    its largest use of memory, so this is for programs that train or benchmark, never done on import.

    :return: whether the C library took the settings (only glibc knows them)
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = {M_MMAP_THRESHOLD: 32 << 20, M_TRIM_THRESHOLD: (1 << 31) - 1, M_TOP_PAD: 64 << 20}
    return all([mallopt(name, value) == 1 for name, value in settings.items()])
