"""Colours, markers and names of the arms, the same in all figures of the studies (Okabe and Ito's palette)."""

#: Arm to colour, marker and name.
ARMS = {
    "scratch": ("#555555", "o", "from scratch, forces"),
    "transfer": ("#0072B2", "s", "transfer, forces"),
    "best": ("#D55E00", "^", "transfer, defaults of the package"),
    "truth": ("#009E73", "D", "reference potential"),
}
_OTHERS = (("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))


def look(arm: str, number: int = 0) -> tuple[str, str, str]:
    """Colour, marker and name of an arm; ``number`` tells arms without a fixed look apart."""
    if arm in ARMS:
        return ARMS[arm]
    colour, marker = _OTHERS[number % len(_OTHERS)]
    return colour, marker, arm
