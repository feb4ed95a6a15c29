"""openmm-ml's entry point: ``MLPotential('tlmlp', modelPath='ge.pt')``.

openmm-ml imports every entry point while it is imported itself. So nothing heavy happens here before a System is made,
and openmm-ml is not imported from here: whichever of the two comes first, the other is complete.
"""

from typing import TYPE_CHECKING, Any

from tlmlp.errors import TlmlpError

if TYPE_CHECKING:
    from tlmlp.openmm.ml_impl import TlmlpPotentialImpl


class TlmlpPotentialImplFactory:
    """Makes :class:`TlmlpPotentialImpl` for openmm-ml (its ``MLPotentialImplFactory``)."""

    def createImpl(self, name: str, modelPath: str | None = None, **args: Any) -> "TlmlpPotentialImpl":
        """:raises TlmlpError: when no ``modelPath`` is given, or the file is unusable"""
        if modelPath is None:
            raise TlmlpError("name the model file: MLPotential('tlmlp', modelPath='ge.pt')")
        from tlmlp.export import read_header
        from tlmlp.openmm.ml_impl import TlmlpPotentialImpl

        read_header(modelPath)
        return TlmlpPotentialImpl(modelPath, args)
