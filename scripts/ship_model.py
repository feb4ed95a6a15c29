"""Put a trained model into the package, with its card: python scripts/ship_model.py RUN NAME TEST.extxyz

The card states where the data are from, the errors on training, validation and test frames (on the last also without the
repulsion at short distance), what the model does at short distance, the commands that train it, and hashes.
"""

import sys
from pathlib import Path

from tlmlp.analysis.short_range import short_range
from tlmlp.data import read_frames
from tlmlp.data.mlearn import COMMIT
from tlmlp.export import export_model
from tlmlp.files import atomic_write_json, sha256_file
from tlmlp.shipped import FOLDER
from tlmlp.train import evaluate, open_model

SILICON = [
    "tlmlp data mlearn --element Si --out data/si",
    "tlmlp train examples/si-mlearn.yaml --out runs/si",
    "tlmlp transfer runs/si examples/si-dft-start.yaml --element-map Si:Si --out runs/si-dft-start",
]
#: Commands that train the model, and what it is valid for.
MODELS = {
    "si-dft": (
        [*SILICON, "tlmlp transfer runs/si-dft-start examples/si-dft.yaml --element-map Si:Si --out runs/si-dft"],
        "bulk silicon, crystal and liquid, 300 to 3400 K, strains to 10 %, vacancies; no surfaces, no isolated atoms",
    ),
    "ge-dft": (
        [
            *SILICON,
            "tlmlp data mlearn --element Ge --out data/ge",
            "tlmlp transfer runs/si-dft-start examples/ge-dft.yaml --element-map Si:Ge --out runs/ge-dft",
        ],
        "bulk germanium, crystal and liquid, 300 to 2400 K, strains to 10 %, vacancies; no surfaces, no isolated atoms",
    ),
}


def main(run: Path, name: str, test: Path) -> None:
    """Write python/tlmlp/pretrained/NAME.pt and NAME.json."""
    commands, valid_for = MODELS[name]
    potential, metadata = open_model(run)
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.pt"
    header = export_model(potential, path, metadata)
    provenance = metadata["provenance"]
    errors = {**metadata["errors"], "test": evaluate(potential, test)}
    if potential.zbl is not None:
        potential.set_zbl(None)
        errors["test_without_repulsion"] = evaluate(potential, test)
        del errors["test_without_repulsion"]["groups"]
    card = {
        "name": name,
        "elements": header["species"],
        "cutoff_ang": header["cutoff"],
        "parameters": header["weights"]["parameters"],
        "file_sha256": sha256_file(path),
        "weights_sha256": header["weights"]["sha256"],
        "data": {
            "collection": "mlearn (Zuo et al., J. Phys. Chem. A 124, 731, 2020), without surfaces",
            "repository": "https://github.com/materialsvirtuallab/mlearn",
            "commit": COMMIT,
            "licence": "BSD-3-Clause",
            "sets": {**provenance["data"], "test": {"files": [test.name], "frames": len(read_frames(test))}},
        },
        "errors": errors,
        "short_range": short_range(path).summary(),
        "model_of_update": metadata["model"]["update"],
        "loss": provenance["loss"],
        "training": provenance["training"],
        "transfer": provenance["transfer"],
        "versions": provenance["versions"],
        "trained_with": commands,
        "valid_for": valid_for,
    }
    atomic_write_json(path.with_suffix(".json"), card)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
