"""DimeNet++ of chemtrain (JAX), a quarter of the original size, compiled for exactly the edges and triplets there are.

The neighbour list is given; chemtrain makes its graph with the triplets from it inside the compiled function.
"""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import jax_md_mod  # noqa: F401  (mends jax_md for this version of jax, so it comes first)
import numpy as np
from jax_md import partition, space
from jax_md_mod.model.neural_networks import dimenetpp_neighborlist
from measure import CUTOFF, System, measure


def _neighbours(system: System) -> np.ndarray:
    """Neighbours of each atom (n, most), filled up with n."""
    source, target = system.edge_index
    counts = np.bincount(target, minlength=len(system.positions))
    table = np.full((len(counts), counts.max()), len(counts), dtype=np.int32)
    table[target, np.arange(len(target)) - np.repeat(np.cumsum(counts) - counts, counts)] = source
    return table


def prepare(systems: list[System]) -> list:
    """Positions in the cell and tables of neighbours, on the device."""
    made = []
    for system in systems:
        side = system.cell[0, 0]
        made.append((jnp.asarray(system.positions % side, jnp.float32), jnp.asarray(_neighbours(system))))
    return made


def build(systems: list[System]):
    """Energy and forces of one prepared system."""
    displacement, _ = space.periodic(float(systems[0].cell[0, 0]))
    init, apply = dimenetpp_neighborlist(
        displacement,
        CUTOFF,
        n_species=1,
        max_edges=max(system.edge_index.shape[1] for system in systems),
        max_triplets=max(len(system.triplets()[0]) for system in systems),
        embed_size=32,
    )

    def energy(positions: jax.Array, table: jax.Array, parameters: dict) -> jax.Array:
        neighbours = SimpleNamespace(idx=table, format=partition.Dense)
        return apply(parameters, positions, neighbours, jnp.zeros(len(positions), jnp.int32)).sum()

    positions, table = prepare(systems[:1])[0]
    parameters = init(
        jax.random.PRNGKey(0),
        positions,
        SimpleNamespace(idx=table, format=partition.Dense),
        jnp.zeros(len(positions), jnp.int32),
    )
    compiled = jax.jit(jax.value_and_grad(energy))

    def call(inputs: tuple[jax.Array, jax.Array]) -> object:
        return jax.block_until_ready(compiled(*inputs, parameters))

    return call


measure(prepare, build, "chemtrain", "jax")
