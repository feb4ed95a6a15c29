"""Ending a training on request, between two updates."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tlmlp.console import console


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that the update under way ends first; a second one kills as usual."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def stop(number: int, _frame: object) -> None:
        event.set()
        signal.signal(number, before[signal.Signals(number)])
        console.print("stopping after this update; once more to stop at once")

    for number in numbers:
        signal.signal(number, stop)
    try:
        yield event
    finally:
        for number in numbers:
            signal.signal(number, before[number])
