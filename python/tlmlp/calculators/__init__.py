"""Calculators that run exported models. Nothing heavy is imported before a calculator is made."""

from typing import Any

__all__ = ["TlmlpCalculator", "TlmlpCommittee"]


def __getattr__(name: str) -> Any:
    if name == "TlmlpCalculator":
        from tlmlp.calculators.ase import TlmlpCalculator

        return TlmlpCalculator
    if name == "TlmlpCommittee":
        from tlmlp.calculators.committee import TlmlpCommittee

        return TlmlpCommittee
    raise AttributeError(f"module 'tlmlp.calculators' has no attribute {name!r}")
