"""What OpenMM and the way into it add to a time step, beside the time of the model itself."""

import statistics as numbers
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlmlp.bench.random_model import write_random_model
from tlmlp.bench.systems import CUTOFF, silicon
from tlmlp.bench.timing import versions
from tlmlp.errors import TlmlpError

#: A network so small that what is around it can be told from its noise; edges and atoms are those of the usual one.
TINY = {"embed_size": 8, "out_size": 8, "int_emb_size": 4, "atom_emb_size": 4, "n_blocks": 1, "num_spherical": 2}
#: Weak forces: the crystal of the benchmark is no minimum of a random network, and would fly apart.
OUTPUT_SCALE = 1e-3
BLOCKS = 10
FEMTOSECOND = 0.001


def bench_openmm(atoms: int, threads: int, platform: str, steps: int) -> dict[str, Any]:
    """Microseconds of a step of molecular dynamics in OpenMM, and of what is in it besides the model.

    ``FORCE_overhead_us`` is the step less the model's own time, which does not depend on the network. It holds the
    copy of positions and forces, units, for the forces on the engine the neighbour list, and OpenMM's own part,
    ``openmm_alone_us``: a step of a System with one force of OpenMM that does nothing. For ``openmm_alone_paused_us``
    the calling thread is busy between steps for as long as the model takes. OpenMM's threads then sleep as long as with
    the model, and cost as much to wake. The model's own time is taken inside the native force for both forces on the
    engine. For TorchForce it is the time of a call of its module alone. ``full_size_*`` are those of the native force
    with the usual network.

    Raises TlmlpError where OpenMM or its platform is missing, or no force works.
    """
    try:
        import openmm
    except ImportError:
        raise TlmlpError("OpenMM is not installed here: pip install 'tlmlp[openmm]'") from None
    from tlmlp.openmm import available_routes, from_ase

    names = [openmm.Platform.getPlatform(k).getName() for k in range(openmm.Platform.getNumPlatforms())]
    if platform not in names:
        raise TlmlpError(f"OpenMM has the platforms {', '.join(names)} here, got {platform!r}")
    structure = from_ase(next(silicon(atoms)))
    routes = available_routes()
    if routes["native"] is not None:
        raise TlmlpError(routes["native"])
    result: dict[str, Any] = {"benchmark": "openmm", "atoms": atoms, "cutoff_angstrom": CUTOFF, "platform": platform}
    result.update(threads=threads, dtype="float32", steps=steps)
    with tempfile.TemporaryDirectory() as folder:
        tiny, usual = Path(folder) / "tiny.pt", Path(folder) / "usual.pt"
        write_random_model(tiny, CUTOFF, output_scale=OUTPUT_SCALE, **TINY)
        write_random_model(usual, CUTOFF, output_scale=OUTPUT_SCALE)
        native = _run(tiny, structure, "native", platform, threads, steps)
        alone = _run(None, structure, "", platform, threads, steps, pause_us=native["own"])
        result["openmm_alone_us"], result["openmm_alone_paused_us"] = alone["step"], alone["paused"]
        _report(result, "native", native["step"], native["own"])
        result["native_neighbours_us"] = round(native["neighbours"], 1)
        result["native_lists_made"] = native["builds"]
        python = _run(tiny, structure, "python", platform, threads, steps)
        _report(result, "python", python["step"], native["own"])
        if routes["torch"] is None:
            torch = _run(tiny, structure, "torch", platform, threads, steps)
            _report(result, "torch", torch["step"], _module_us(tiny, structure, threads))
        else:
            result["torch_missing"] = routes["torch"]
        full = _run(usual, structure, "native", platform, threads, max(20, steps // 4))
        result["full_size_step_us"] = round(full["step"], 1)
        result["full_size_own_us"] = round(full["own"], 1)
    result["versions"] = versions("openmm", "openmmtorch", "torch")
    return result


def _report(result: dict[str, Any], route: str, step: float, own: float) -> None:
    result[f"{route}_step_us"] = round(step, 1)
    result[f"{route}_own_us"] = round(own, 1)
    result[f"{route}_overhead_us"] = round(step - own, 1)


def _run(
    model: Path | None, structure: Any, route: str, platform: str, threads: int, steps: int, pause_us: float = 0.0
) -> dict[str, Any]:
    """Median microseconds of a step, of the engine's part where the force says, and of a step after each pause."""
    import openmm

    from tlmlp.openmm import create_system, statistics

    if model is None:
        system = openmm.System()
        for mass in structure.masses:
            system.addParticle(mass)
        system.setDefaultPeriodicBoxVectors(*structure.box.tolist())
        nothing = openmm.CustomExternalForce("0*x")
        nothing.addParticle(0)
        system.addForce(nothing)
    else:
        options = {} if route == "torch" else {"threads": threads}
        system = create_system(model, structure, route=route, **options)
    integrator = openmm.VerletIntegrator(0.5 * FEMTOSECOND)
    properties = {"Threads": str(threads)} if platform == "CPU" else {}
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(platform), properties)
    context.setPositions(structure.positions)
    context.setVelocitiesToTemperature(300.0, 1)
    integrator.step(10)

    def totals() -> dict[str, float]:
        return statistics(system.getForce(0), context) if route == "native" else {}

    block = max(1, steps // BLOCKS)
    rows: dict[str, list[float]] = {"step": [], "own": [], "neighbours": [], "paused": []}
    first = totals()
    for _ in range(BLOCKS):
        before = totals()
        rows["step"].append(_microseconds(lambda: integrator.step(block), block))
        after = totals()
        if route == "native":
            rows["own"].append((after["engine_seconds"] - before["engine_seconds"]) * 1e6 / block)
            rows["neighbours"].append((after["neighbour_seconds"] - before["neighbour_seconds"]) * 1e6 / block)
    if pause_us > 0.0:
        rows["paused"] = [_after_pause(lambda: integrator.step(1), pause_us) for _ in range(steps)]
    out: dict[str, Any] = {name: round(numbers.median(values), 1) for name, values in rows.items() if values}
    if route == "native":
        out["builds"] = totals()["neighbour_builds"] - first["neighbour_builds"]
    return out


def _microseconds(call: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e6 / count


def _after_pause(call: Callable[[], object], pause_us: float) -> float:
    end = time.perf_counter() + 1e-6 * pause_us
    while time.perf_counter() < end:
        pass
    return _microseconds(call, 1)


def _module_us(model: Path, structure: Any, threads: int) -> float:
    """Median microseconds of TorchForce's module alone, on the same positions and box."""
    import torch

    from tlmlp.openmm.torch_route import script_module

    torch.set_num_threads(threads)
    module = torch.jit.freeze(script_module(model, elements=structure.numbers)[0].eval())
    inputs = torch.tensor(structure.positions, requires_grad=True), torch.tensor(structure.box)
    return numbers.median([_microseconds(lambda: module(*inputs), 1) for _ in range(60)][20:])
