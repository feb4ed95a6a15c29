"""Silicon from DFT forces, then germanium from ten frames: the example configs, from Python. Run it in this folder
after ``tlmlp data mlearn --element Si --out mlearn-si`` and ``tlmlp data mlearn --element Ge --out mlearn-ge``."""

from tlmlp.train import evaluate, fit, transfer

silicon = fit("si-mlearn.yaml", "run-si")
germanium = transfer("run-si", "ge-mlearn-transfer.yaml", "Si:Ge", "run-ge-transfer")
scratch = fit("ge-mlearn-scratch.yaml", "run-ge-scratch")

for name, run in (("transfer", germanium), ("scratch", scratch)):
    errors = evaluate(run.potential, "mlearn-ge/test.extxyz")
    print(f"{name}: {errors['force_mae_ev_per_ang']:.4f} eV/Å, {errors['energy_mae_mev_per_atom']:.1f} meV/atom")
