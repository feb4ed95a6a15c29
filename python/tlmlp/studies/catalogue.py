"""Names of the studies: the rules that run each, what of the paper it repeats, and a line about it."""

from __future__ import annotations

from dataclasses import dataclass

TIERS = ("smoke", "small", "paper")


@dataclass(frozen=True)
class Study:
    """One study."""

    #: File of its rules below ``workflows``.
    workflow: str
    #: Figure or table of Röcken and Zavadlav (arXiv:2502.13522); None for a question that the paper leaves open.
    repeats: str | None
    about: str

    @property
    def kind(self) -> str:
        """Which of the reports it ends with."""
        return self.workflow.removesuffix(".smk")

    @property
    def title(self) -> str:
        """One line of help."""
        return self.about + (f", {self.repeats} of arXiv:2502.13522" if self.repeats else ", beyond the paper")


STUDIES = {
    "sw-data-efficiency": Study("learning_curve.smk", "Fig. 2", "Learning curves on Stillinger-Weber data"),
    "sw-phonons": Study("phonons.smk", "Fig. 3", "Phonons of few-frame models beside the truth"),
    "sw-temperature": Study("temperature.smk", "Fig. 4", "Errors at temperatures that were not trained on"),
    "dft-data-efficiency": Study("learning_curve.smk", "Fig. 5", "Learning curves on DFT data"),
    "dft-structure": Study("dynamics.smk", "Fig. 6", "Distribution functions of the liquid"),
    "dft-stability": Study("dynamics.smk", "Table 1", "How many runs of few-frame models survive"),
    "dft-freeze": Study("learning_curve.smk", None, "Which groups of parameters carry a transfer"),
    "dft-teachers": Study("learning_curve.smk", None, "A classical teacher of the right element, a DFT one of another"),
    "dft-remedies": Study("dynamics.smk", None, "What keeps runs of few-frame models alive"),
    "sw-properties": Study("properties.smk", None, "Elastic constants, equation of state and vacancy beside the truth"),
}
