"""What the engine does on a GPU: ceilings of the card, correctness, then speed beside what was predicted.

    python benchmarks/gpu.py [--out gpu.json]            on a machine with a GPU and a build with TLMLP_CUDA=ON
    python benchmarks/gpu.py --peers                     PyG and chemtrain on the same card too, installed with pip
    python benchmarks/gpu.py --device cuda-on-cpu --quick   the script itself, where there is none

Ceilings (copy bandwidth; fp32, tf32 and bf16 matrix products) are measured with torch, where it can use the GPU. Operations
and bytes are counted from the network's sizes, docs/howto/gpu.md says how; "share" is the time that the binding ceiling would
take over the time measured.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp import _core
from tlmlp.bench.random_model import write_random_model
from tlmlp.bench.systems import CUTOFF, silicon
from tlmlp.bench.timing import versions
from tlmlp.console import console, table
from tlmlp.cuda import Replicas, why_no_gpu
from tlmlp.data.neighbours import neighbour_list
from tlmlp.files import atomic_write_json
from tlmlp.network import DEFAULT_SIZES

#: Targets in ms, from the plan for an H200.
TARGETS = {"512 atoms": 0.4, "32768 atoms": 6.0, "100 x 64 atoms": 1.5, "training, 32 x 64 atoms": 12.0}
#: Ceilings used for predictions where none are measured: an H200's 60 TFLOP/s in float32 and 4.8 TB/s.
H200 = {"fp32_tflops": 60.0, "copy_gb_per_s": 4800.0}


def operations_per_edge(m: dict[str, int] = DEFAULT_SIZES) -> float:
    """Multiply-adds times two of one evaluation with forces, over the edges; the atoms' share is at 28 edges each."""
    e, i, o = m["embed_size"], m["int_emb_size"], m["out_size"]
    radial, basis, harmonics = m["num_radial"], m["num_spherical"] * m["num_radial"], m["num_spherical"] ** 2
    residual = 2 * e * e * (m["n_residual_before"] + m["n_residual_after"])
    update = e * i + 2 * e * e + residual
    down = e * e + radial * e + e * i
    directional = i * (basis + 2 * harmonics + m["num_spherical"])
    directional_back = i * (2 * basis + 4 * harmonics)
    gate = 2 * radial * e
    forward = m["n_blocks"] * (update + down + directional) + (m["n_blocks"] + 1) * gate + radial * e
    backward = (
        m["n_blocks"] * (2 * update + 2 * down + directional_back) + 2 * (m["n_blocks"] + 1) * gate + 2 * radial * e
    )
    atoms = 2 * (m["n_blocks"] + 1) * (e * o + m["n_dense_output"] * o * o) / 28
    return 2.0 * (forward + backward + atoms)


def bytes_per_edge(m: dict[str, int] = DEFAULT_SIZES) -> float:
    """Bytes to and from the device's memory in float32, each array once per kernel that touches it."""
    e, i, n = 4 * m["embed_size"], 4 * m["int_emb_size"], m["n_blocks"]
    radial, basis, harmonics = 32, 4 * m["num_spherical"] * m["num_radial"], 4 * m["num_spherical"] ** 2
    sums = 4 * m["num_spherical"] ** 2 * m["int_emb_size"] / 28
    edges = (n + 1) * (2 * e + radial) + n * 2 * i
    centres = (n + 1) * (e + radial) + n * (3 * i + basis + harmonics + sums)
    edges_back = (n + 1) * (5 * e + 3 * radial) + n * 3 * i
    centres_back = n * (3 * i + basis + 2 * harmonics + sums + 32)
    return edges + centres + edges_back + centres_back + 2 * (radial + basis + harmonics + 48)


def ceilings() -> dict[str, Any]:
    """Copy bandwidth and matrix rates of the card, or why they were not measured."""
    try:
        import torch
    except ImportError:
        return {"not measured": "torch is not installed"}
    if not torch.cuda.is_available():
        return {"not measured": "torch sees no GPU"}

    def seconds(call: Any, repeats: int = 20) -> float:
        for _ in range(3):
            call()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(repeats):
            call()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) * 1e-3 / repeats

    out: dict[str, Any] = {"card": torch.cuda.get_device_name()}
    source = torch.zeros(2**30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    out["copy_gb_per_s"] = 2 * 2**30 / seconds(lambda: target.copy_(source)) * 1e-9
    n = 8192
    for name, dtype, tf32 in (("fp32", "float32", False), ("tf32", "float32", True), ("bf16", "bfloat16", False)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(n, n, device="cuda", dtype=getattr(torch, dtype)) for _ in range(2))
        out[f"{name}_tflops"] = 2 * n**3 / seconds(lambda a=a, b=b: a @ b, 10) * 1e-12
    torch.backends.cuda.matmul.allow_tf32 = False
    return out


def correctness(model: str, device: str) -> dict[str, float]:
    """Largest differences from the CPU's engine in float64, forces relative to the largest one (random weights make large
    ones), on 64 and 216 displaced atoms."""
    out: dict[str, float] = {}
    for precision in ("double", "single"):
        energy = force = 0.0
        for atoms in (64, 216) if device != "cuda-on-cpu" else (8,):
            frame = next(silicon(atoms))
            species = np.zeros(atoms, dtype=np.int32)
            arguments = (species, frame.positions, frame.cell, frame.pbc)
            expected = _core.Engine(model, precision="double").compute(*arguments)
            result = _core.Engine(model, precision=precision, device=device).compute(*arguments)
            energy = max(energy, abs(result["energy"] - expected["energy"]) / atoms)
            difference = np.abs(result["forces"] - expected["forces"]).max() / np.abs(expected["forces"]).max()
            force = max(force, float(difference))
        out[f"{precision} energy eV/atom"], out[f"{precision} force, relative"] = energy, force
    return out


def system_times(model: str, device: str, atoms: int, repeats: int) -> dict[str, Any]:
    """Times of one evaluation: on the device alone, each launch, and with the host's list and copies."""
    frame = next(silicon(atoms))
    edges, vectors, _ = neighbour_list(frame.positions, frame.cell, frame.pbc, CUTOFF)
    species = np.zeros(atoms, dtype=np.int32)
    launches = _core.time_kernels(model, species, edges, vectors, device=device, repeats=repeats)
    engine = _core.Engine(model, device=device)
    engine.compute_edges(species, edges, vectors)
    begin = time.perf_counter()
    for _ in range(3):
        engine.compute_edges(species, edges, vectors)
    whole = (time.perf_counter() - begin) / 3
    kernels: dict[str, float] = {}
    for name, _, seconds in launches[1:]:
        kernels[name] = kernels.get(name, 0.0) + 1e3 * seconds
    return {"edges": edges.shape[1], "ms": 1e3 * launches[0][2], "ms_with_host": 1e3 * whole, "kernels_ms": kernels}


def replica_times(model: str, device: str, count: int, atoms: int, steps: int) -> dict[str, Any]:
    """Milliseconds of a step of ``count`` replicas of ``atoms`` atoms, neighbour lists and integration included."""
    frames = silicon(atoms)
    replicas = Replicas(model, [next(frames) for _ in range(count)], temperature=300.0, device=device)
    replicas.run(2)
    replicas.state()
    begin = time.perf_counter()
    replicas.run(steps)
    state = replicas.state()
    assert np.isfinite(state.energies).all()
    return {"edges": replicas._core.edges, "ms": 1e3 * (time.perf_counter() - begin) / steps}


def training_time(device: str, structures: int, atoms: int, repeats: int) -> dict[str, Any]:
    """Milliseconds of a force-matching step with Adam, copies of weights and gradients included."""
    from tlmlp.bench.train import bench_train

    result = bench_train(atoms, structures, threads=1, dtype="float32", repeats=repeats, device=device)
    return {"edges": result["edges"], "ms": result["ms_per_step"]}


def peer_times() -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The same work by other codes, from structures and lists on the device to forces on the host; who is left out, why."""
    from compare_peers import PEERS, PeerError, measure_peer

    rows: dict[str, dict[str, Any]] = {}
    left_out = {}
    for name in ("pyg", "chemtrain"):
        for task, atoms, batch in (("512 atoms", 512, 0), ("training, 32 x 64 atoms", 64, 32)):
            try:
                result = measure_peer(name, atoms, 20, batch, "cuda")
                rows[f"{task}, {PEERS[name].title}"] = {"edges": result["edges"], "ms": result["ms_per_step"]}
            except PeerError as error:
                left_out[f"{task}, {PEERS[name].title}"] = str(error)
                console.print(f"{PEERS[name].title} is left out of {task}: {error}")
    return rows, left_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="small systems, few repetitions")
    parser.add_argument("--peers", action="store_true", help="PyG and chemtrain beside it, on CUDA's first device")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    options = parser.parse_args()
    if options.peers and options.device == "cuda-on-cpu":
        parser.error("--peers compares on a GPU; on the CPU: benchmarks/compare_peers.py")
    if options.device.startswith("cuda") and options.device != "cuda-on-cpu" and (reason := why_no_gpu()):
        raise SystemExit(f"error: {reason}; --device cuda-on-cpu --quick runs the script without one")
    measured = ceilings()
    limits = {**H200, **{k: v for k, v in measured.items() if k in H200}}
    operations, traffic = operations_per_edge(), bytes_per_edge()
    report: dict[str, Any] = {"versions": versions(), "ceilings": measured, "device": options.device}
    report["per_edge"] = {"flop": operations, "bytes": traffic}
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "silicon.pt")
        write_random_model(model, CUTOFF)
        report["differences"] = correctness(model, options.device)
        sizes = (8,) if options.quick else (512, 32768)
        rows = {f"{n} atoms": system_times(model, options.device, n, 2 if options.quick else 50) for n in sizes}
        count, atoms = (2, 8) if options.quick else (100, 64)
        rows[f"{count} x {atoms} atoms"] = replica_times(
            model, options.device, count, atoms, 2 if options.quick else 500
        )
    if options.device != "cuda-on-cpu":  # torch has no such device
        rows["training, 32 x 64 atoms"] = training_time(options.device, 32, 64, 2 if options.quick else 20)
    if options.peers:
        report["peers"], report["peers_left_out"] = peer_times()
        ours = rows[f"{sizes[0]} atoms"]
        name = f"{sizes[0]} atoms, ours with the copies from and to the host"
        report["peers"][name] = {"edges": ours["edges"], "ms": ours["ms_with_host"]}
    for name, row in rows.items():
        # Forward, reverse, tangent and second sweep cost 2.3 times an evaluation (docs/background/performance.md).
        work = 2.3 if name.startswith("training") else 1.0
        row["bound_ms"] = work * (
            1e3
            * row["edges"]
            * max(operations / (limits["fp32_tflops"] * 1e12), traffic / (limits["copy_gb_per_s"] * 1e9))
        )
        row["share"] = row["bound_ms"] / row["ms"]
    report["times"] = rows
    table(
        f"float32 on {options.device}",
        ["", "edges", "ms", "bound, ms", "share", "target, ms"],
        [
            (name, r["edges"], f"{r['ms']:.3f}", f"{r['bound_ms']:.3f}", f"{r['share']:.0%}", TARGETS.get(name, "-"))
            for name, r in rows.items()
        ]
        + [(name, r["edges"], f"{r['ms']:.3f}", "-", "-", "-") for name, r in report.get("peers", {}).items()],
    )
    for name, value in {**measured, **report["differences"]}.items():
        console.print(f"{name}: {value if isinstance(value, str) else f'{value:.4g}'}")
    atomic_write_json(options.out, report)


if __name__ == "__main__":
    main()
