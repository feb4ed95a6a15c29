"""What is said about a file that was read: one sentence for all the frames that it is about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class _Note:
    frames: int
    first: str
    largest: float


class Notes:
    """Sentences, each with the number of frames that it holds for and the first of them.

    A sentence may hold ``{:...}``, which becomes the largest of the values that were given with it.
    """

    def __init__(self) -> None:
        self._notes: dict[str, _Note] = {}
        #: What each file that was read is, by the name it was asked for: a word of content.py or of ASE.
        self.kinds: dict[str, str] = {}

    def add(self, sentence: str, source: str, value: float = 0.0) -> None:
        """Say ``sentence`` of the frame or file ``source``."""
        note = self._notes.setdefault(sentence, _Note(0, source, value))
        note.frames += 1
        note.largest = max(note.largest, value)

    def lines(self) -> list[str]:
        """The sentences in the order in which they came up."""
        return [
            f"{note.first}: {sentence.format(note.largest)}"
            + (f" (so for {note.frames} frames)" if note.frames > 1 else "")
            for sentence, note in self._notes.items()
        ]
