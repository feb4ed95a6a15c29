"""Training by force matching, transfer between elements, evaluation. Needs torch.

>>> from tlmlp.train import fit, transfer, evaluate
>>> silicon = fit("si.yaml", "runs/si")
>>> germanium = transfer("runs/si", "ge.yaml", "Si:Ge", "runs/ge")
>>> evaluate(germanium.potential, "test.extxyz")["force_mae_ev_per_ang"]
"""

from tlmlp.train.committee import fit_members
from tlmlp.train.config import Config, as_config
from tlmlp.train.element_transfer.few_frames import FewFramesResult, transfer_frames
from tlmlp.train.element_transfer.transfer import transfer, transferred
from tlmlp.train.evaluation.comparison import evaluate
from tlmlp.train.loop.launch import RunResult, fit, resume
from tlmlp.train.model.modelfile import load_run, open_model, weights_sha256

__all__ = [
    "Config",
    "FewFramesResult",
    "RunResult",
    "as_config",
    "evaluate",
    "fit",
    "fit_members",
    "load_run",
    "open_model",
    "resume",
    "transfer",
    "transfer_frames",
    "transferred",
    "weights_sha256",
]
