"""The weights of a network as the operator ``tlmlp::energies_and_derivatives`` takes them.

Neighbouring matrices without an activation in between are multiplied out, here by torch, so that their gradients go
back to the network's own parameters.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from tlmlp.models.config import DimeNetPPConfig

if TYPE_CHECKING:
    from tlmlp.models.dimenet import DimeNetPP


def merged_weights(network: "DimeNetPP") -> list[Tensor]:
    """The tensors in the order of ``csrc/training/training.h``."""
    return [network.frequencies, *_embedding(network), *_interactions(network), *_outputs(network)]


def sizes(config: DimeNetPPConfig) -> list[int]:
    """The sizes in the order of ``Shape`` in ``csrc/training/training.h``."""
    return [
        config.n_species,
        config.embed_size,
        int(config.int_emb_size or 0),
        int(config.out_size or 0),
        config.num_radial,
        config.num_spherical,
        config.n_blocks,
        config.n_residual_before,
        config.n_residual_after,
        config.n_dense_output,
        config.envelope_exponent,
    ]


def _embedding(network: "DimeNetPP") -> Iterator[Tensor]:
    embedding = network.embedding
    weight, size = embedding.dense.weight, embedding.atom_size
    yield weight[:, 2 * size :] @ embedding.rbf.weight
    yield embedding.species.weight @ weight[:, :size].t() + embedding.dense.bias
    yield embedding.species.weight @ weight[:, size : 2 * size].t()


def _interactions(network: "DimeNetPP") -> Iterator[Tensor]:
    for block in network.interaction:
        yield from (block.kj.weight, block.kj.bias, block.rbf2.weight @ block.rbf1.weight, block.down.weight)
        yield from (block.sbf2.weight @ block.sbf1.weight, block.up.weight)
        before = [layer for residual in block.before for layer in residual]
        after = [layer for residual in block.after for layer in residual]
        for layer in (block.ji, *before, block.final, *after):
            yield from (layer.weight, layer.bias)


def _outputs(network: "DimeNetPP") -> Iterator[Tensor]:
    for output in network.output:
        yield from (output.rbf.weight, output.up.weight)
        for layer in output.dense:
            yield from (layer.weight, layer.bias)
        yield output.final.weight
