"""Put a trained model into the package, with its card: python scripts/ship_model.py RUN NAME TEST.extxyz

The card states where the data are from, the errors on training, validation and test frames, and the hash of the weights.
"""

import sys
from pathlib import Path

from tlmlp.data import read_frames
from tlmlp.data.mlearn import COMMIT
from tlmlp.export import export_model
from tlmlp.files import atomic_write_json, sha256_file
from tlmlp.shipped import FOLDER
from tlmlp.train import evaluate, open_model


def main(run: Path, name: str, test: Path) -> None:
    """Write python/tlmlp/pretrained/NAME.pt and NAME.json."""
    potential, metadata = open_model(run)
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.pt"
    header = export_model(potential, path, metadata)
    provenance = metadata["provenance"]
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
        "errors": {**metadata["errors"], "test": evaluate(potential, test)},
        "model_of_update": metadata["model"]["update"],
        "loss": provenance["loss"],
        "training": provenance["training"],
        "versions": provenance["versions"],
        "trained_with": f"tlmlp transfer runs/si examples/{name}.yaml --element-map Si:Si --out RUN",
        "valid_for": "bulk silicon, crystal and liquid, 300 to 3400 K, strains to 10 %, vacancies; no surfaces, no isolated atoms",
    }
    atomic_write_json(path.with_suffix(".json"), card)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
