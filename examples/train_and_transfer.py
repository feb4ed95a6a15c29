"""Silicon from DFT forces, then germanium from ten frames: the example configs, from Python.

Run it in the repository after ``tlmlp data mlearn --element Si --out data/si`` and the same for Ge.
"""

from tlmlp.train import evaluate, fit, transfer

silicon = fit("examples/si-mlearn.yaml", "runs/si")
germanium = transfer("runs/si", "examples/ge-mlearn-transfer.yaml", "Si:Ge", "runs/ge")
scratch = fit("examples/ge-mlearn-scratch.yaml", "runs/ge-scratch")

for name, run in (("transfer", germanium), ("scratch", scratch)):
    errors = evaluate(run.potential, "data/ge/test.extxyz")
    print(f"{name}: {errors['force_mae_ev_per_ang']:.4f} eV/Å, {errors['energy_mae_mev_per_atom']:.1f} meV/atom")
