"""DimeNet++ of chemtrain (JAX), a quarter of the original size, compiled for exactly the edges and triplets there are.

The neighbour list is given; chemtrain makes its graph with the triplets from it inside the compiled function.
"""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import jax_md_mod  # noqa: F401  (mends jax_md for this version of jax, so it comes first)
import numpy as np
import optax
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


def prepare(systems: list[System], device: str) -> list:
    """Positions in the cell and tables of neighbours, on JAX's own choice of a device, which must be ``device``."""
    if (jax.default_backend() == "gpu") != (device == "cuda"):
        raise SystemExit(f"jax runs on {jax.default_backend()}, not on {device}")
    return [inputs_of(system) for system in systems]


def inputs_of(system: System) -> tuple[jax.Array, jax.Array]:
    """Positions and table of neighbours of one structure."""
    positions = system.positions % system.cell[0, 0]
    return jnp.asarray(positions, jnp.float32), jnp.asarray(_neighbours(system))


def network(systems: list[System]) -> tuple:
    """Energy as a function of positions, neighbours and parameters; the parameters."""
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

    positions, table = inputs_of(systems[0])
    parameters = init(
        jax.random.PRNGKey(0),
        positions,
        SimpleNamespace(idx=table, format=partition.Dense),
        jnp.zeros(len(positions), jnp.int32),
    )
    return energy, parameters


def build(systems: list[System], device: str):
    """Energy and forces of one prepared system."""
    energy, parameters = network(systems)
    compiled = jax.jit(jax.value_and_grad(energy))

    def call(inputs: tuple[jax.Array, jax.Array]) -> object:
        return jax.device_get(compiled(*inputs, parameters))

    return call


def collate(group: list) -> tuple[jax.Array, jax.Array]:
    """Positions (batch, n, 3) and tables (batch, n, most) of several prepared systems."""
    most = max(table.shape[1] for _, table in group)
    tables = [jnp.pad(t, ((0, 0), (0, most - t.shape[1])), constant_values=len(t)) for _, t in group]
    return jnp.stack([positions for positions, _ in group]), jnp.stack(tables)


def build_training(systems: list[System], batch: int, device: str):
    """A force-matching step with Adam."""
    energy, parameters = network(systems)
    optimizer = optax.adam(1e-4)
    state = optimizer.init(parameters)

    def loss(parameters: dict, positions: jax.Array, tables: jax.Array, wanted: jax.Array) -> jax.Array:
        gradients = jax.vmap(jax.grad(energy), (0, 0, None))(positions, tables, parameters)
        return jnp.mean((gradients + wanted) ** 2)

    @jax.jit
    def update(parameters: dict, state: tuple, positions: jax.Array, tables: jax.Array, wanted: jax.Array) -> tuple:
        changes, state = optimizer.update(jax.grad(loss)(parameters, positions, tables, wanted), state)
        return optax.apply_updates(parameters, changes), state

    def step(inputs: tuple[jax.Array, jax.Array], reference: np.ndarray) -> None:
        nonlocal parameters, state
        parameters, state = update(parameters, state, *inputs, jnp.asarray(reference, jnp.float32))
        jax.block_until_ready(parameters)

    return step


measure(prepare, build, "chemtrain", "jax", collate=collate, build_training=build_training)
