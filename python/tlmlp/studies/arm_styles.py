"""Colours, markers and names of the arms, the same in all figures of the studies (Okabe and Ito's palette)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Arm to colour, marker and name.
ARMS = {
    "scratch": ("#555555", "o", "from scratch, forces"),
    "transfer": ("#0072B2", "s", "transfer, forces"),
    "best": ("#D55E00", "^", "transfer, defaults of the package"),
    "truth": ("#009E73", "D", "reference potential"),
}
_OTHERS = (("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"), ("#000000", "*"), ("#8B6F47", "D"))


def arm_style(arm: str, number: int = 0) -> tuple[str, str, str]:
    """Colour, marker and name of an arm; ``number`` distinguishes arms without a fixed style."""
    if arm in ARMS:
        return ARMS[arm]
    colour, marker = _OTHERS[number % len(_OTHERS)]
    return colour, marker, arm.replace("_", " ")


def legend(figure: Figure) -> None:
    """One legend above all panels, each name once, four in a row."""
    handles: dict[str, Any] = {}
    for panel in figure.axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        columns = min(len(handles), 4)
        figure.legend(handles.values(), handles, loc="outside upper center", ncols=columns, fontsize="small")
