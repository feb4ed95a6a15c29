"""The recipe for a transfer from few frames: a config, as a function of how many frames there are.

Nothing in it is chosen by validation frames; docs/background/few-frames.md says what it rests on. The source is
rescaled to the frames, and all labels are fitted. Batches are small, and the rate falls to nothing. A pull holds the
parameters near the rescaled source, and the last model is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Updates for each frame, and the fewest and the most.
UPDATES_PER_FRAME, FEWEST_UPDATES, MOST_UPDATES = 100, 100, 6000
#: Learning rate for ten frames and fewer, and the exponent of its growth with their number, to the largest.
RATE, RATE_GROWTH, LARGEST_RATE = 3e-4, 0.4, 1e-3
BATCH_SIZE = 2
#: Strength of the pull to the rescaled source for one frame; for n frames it is divided by n^2.
PULL = 0.3
#: Frames of which a cross-validation is made by default, and its parts: more would take more than minutes.
MOST_FOR_FOLDS, FOLDS = 40, 3
#: Share of the updates that the models of a cross-validation get: together they cost less than the final model.
FOLD_SHARE = 0.2


def few_frames_config(files: Sequence[str], n: int, share: float = 1.0) -> dict[str, Any]:
    """Config of a transfer on the ``n`` frames of ``files``, with a ``share`` of the recipe's updates."""
    updates = min(max(UPDATES_PER_FRAME * n, FEWEST_UPDATES), MOST_UPDATES)
    updates = max(round(share * updates), 1)
    rate = min(RATE * max(n / 10.0, 1.0) ** RATE_GROWTH, LARGEST_RATE)
    return {
        "data": {"train": list(files)},
        "transfer": {"l2_sp": float(f"{PULL / n**2:.2g}")},
        "training": {
            "updates": updates,
            "batch_size": min(BATCH_SIZE, n),
            "learning_rate": float(f"{rate:.2g}"),
            "schedule": "cosine",
            "final_rate_factor": 0.01,
            "keep": "last",
            "validate_every": max(updates // 10, 1),
            "checkpoint_every": max(updates // 3, 1),
        },
    }


def default_folds(n: int) -> int:
    """Parts of the cross-validation of ``n`` frames; 0 where there is none."""
    return min(FOLDS, n) if 2 <= n <= MOST_FOR_FOLDS else 0
