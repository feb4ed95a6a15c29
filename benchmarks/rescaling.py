"""What the fit of length and energy scale leaves on the frames that it saw and on the pool's others, beside two numbers
given by hand.

    tlmlp data mlearn --element Ge --pool --out data/ge
    OMP_NUM_THREADS=1 python benchmarks/rescaling.py --pool data/ge/pool.extxyz --size 10 --scales 1.0522 0.8281

A row of the table for every draw; nothing is trained.
"""

from __future__ import annotations

import argparse
from pathlib import Path

#: Errors (root mean square) in the order of the table.
NAMES = ("energy_rmse_mev_per_atom", "force_rmse_ev_per_ang", "stress_rmse_gpa")


def main() -> None:
    from ase.data import atomic_numbers, covalent_radii

    from tlmlp.data import read_frames
    from tlmlp.data.split import nested_subset
    from tlmlp.shipped import model_path
    from tlmlp.train import open_model, transferred
    from tlmlp.train.config.sections import LossSection
    from tlmlp.train.element_transfer.rescale import fit_rescaling
    from tlmlp.train.element_transfer.transfer import parse_element_map
    from tlmlp.train.evaluation.evaluation_set import EvaluationSet

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="si-dft")
    parser.add_argument("--element-map", default="Si:Ge", help="one pair")
    parser.add_argument("--pool", required=True, type=Path)
    parser.add_argument("--size", default=10, type=int)
    parser.add_argument("--draws", default=5, type=int)
    parser.add_argument("--scales", required=True, nargs=2, type=float, help="length and energy scale to compare with")
    options = parser.parse_args()
    source, _ = open_model(model_path(options.source))
    element_map = parse_element_map(options.element_map)
    ((old, new),) = element_map.items()
    radii = covalent_radii[[atomic_numbers[old], atomic_numbers[new]]]
    pool = read_frames(options.pool)
    print(
        "| draw | s | r | RMSE after the fit: meV/atom, eV/Å, GPa | with the given scales |\n|---:|---:|---:|---|---|"
    )
    for draw in range(options.draws):
        (chosen,) = nested_subset(len(pool), [options.size], draw)
        frames = [pool[i] for i in chosen]
        others = [frame for i, frame in enumerate(pool) if i not in set(chosen.tolist())]
        fit = fit_rescaling(transferred(source, element_map, [new]), frames, radii[1] / radii[0])
        cells = []
        for length, energy in ((fit.length_scale, fit.energy_scale), options.scales):
            model = transferred(source, element_map, [new], length_scale=length, energy_scale=energy)
            own, shift = EvaluationSet("training", frames, model).compare(model, LossSection())
            for errors in (own.errors(), EvaluationSet("other", others, model).compare_with(model, shift).errors()):
                cells.append("{:.1f}, {:.3f}, {:.2f}".format(*(errors[name] for name in NAMES)))
        print(f"| {draw} | {fit.length_scale:.4f} | {fit.energy_scale:.4f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
