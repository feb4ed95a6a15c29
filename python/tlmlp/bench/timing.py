"""Timing: medians of calls on fresh input, and what they were measured with."""

import platform
import statistics
import time
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import tlmlp

WARM_UP = 3


def median_ms(call: Callable[[Any], object], inputs: Iterable[Any]) -> tuple[float, list[float]]:
    """Median and all times, in ms, of ``call(x)`` for the ``inputs`` after the first three, which warm up."""
    times = []
    for n, value in enumerate(inputs):
        start = time.perf_counter()
        call(value)
        if n >= WARM_UP:
            times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times), times


def versions(*packages: str) -> dict[str, str]:
    """Installed versions of Python, tlmlp and ``packages``, and the processor's name."""
    found = {"python": platform.python_version(), "processor": _processor(), "tlmlp": tlmlp.__version__}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
