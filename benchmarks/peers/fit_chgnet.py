"""CHGNet 0.3.0: fine-tuned as its notebook does, with the embeddings and the first blocks frozen and Adam at 1e-2; then
all layers at the trainer's own rate; or as it comes, with no epoch."""

import io
from contextlib import redirect_stdout
from pathlib import Path

import torch
from chgnet.data.dataset import StructureData, get_train_val_test_loader
from chgnet.model import CHGNet, CHGNetCalculator
from chgnet.trainer import Trainer
from fits import Frame, as_atoms, main, predict_by
from measure import calculator_times
from pymatgen.io.ase import AseAtomsAdaptor

TRIES = [
    {"epochs": 20, "learning_rate": 1e-2, "frozen": True, "batch_size": 2},
    {"epochs": 60, "learning_rate": 1e-3, "frozen": False, "batch_size": 2},
    {"epochs": 0},
]
FROZEN = ("atom_embedding", "bond_embedding", "angle_embedding", "bond_basis_expansion", "angle_basis_expansion")
FROZEN_LISTS = ("atom_conv_layers", "bond_conv_layers", "angle_layers")


def fit(folder: Path, frames: list[Frame], settings: dict) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = CHGNet.load(model_name="0.3.0", use_device="cpu", verbose=False)
    if settings["epochs"]:
        with redirect_stdout(io.StringIO()):
            tune(model, frames, settings)
    torch.save(model.state_dict(), folder / "weights.pt")


def tune(model: CHGNet, frames: list[Frame], settings: dict) -> None:
    """In place. Energies per atom; stresses in GPa, positive under pressure, as CHGNet has them."""
    if settings["frozen"]:
        layers = [getattr(model, name) for name in FROZEN]
        layers += [layer for name in FROZEN_LISTS for layer in getattr(model, name)[:-1]]
        for layer in layers:
            for parameter in layer.parameters():
                parameter.requires_grad = False
    data = StructureData(
        structures=[AseAtomsAdaptor.get_structure(as_atoms(frame, labels=False)) for frame in frames],
        energies=[frame.energy / len(frame.positions) for frame in frames],
        forces=[frame.forces.tolist() for frame in frames],
        stresses=[(frame.stress * 160.21766208).tolist() for frame in frames],
    )
    loader, _, _ = get_train_val_test_loader(data, batch_size=settings["batch_size"], train_ratio=1.0, val_ratio=0.0)
    trainer = Trainer(
        model=model,
        targets="efs",
        optimizer="Adam",
        scheduler="CosLR",
        criterion="MSE",
        epochs=settings["epochs"],
        learning_rate=settings["learning_rate"],
        torch_seed=1,
        data_seed=1,
        use_device="cpu",
        print_freq=1000,
    )
    for parameter in model.composition_model.parameters():
        parameter.requires_grad = False
    for epoch in range(settings["epochs"]):
        trainer._train(loader, epoch)


def calculator(folder: Path) -> CHGNetCalculator:
    torch.set_num_threads(1)
    model = CHGNet.load(model_name="0.3.0", use_device="cpu", verbose=False)
    model.load_state_dict(torch.load(folder / "weights.pt"))
    return CHGNetCalculator(model, use_device="cpu")


main(
    TRIES,
    fit,
    lambda folder, settings: predict_by(calculator(folder)),
    lambda folder, settings, systems: calculator_times(systems, calculator(folder)),
    "torch",
    "chgnet",
)
