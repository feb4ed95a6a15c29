"""Models on NVIDIA GPUs without torch: dynamics of many small systems in the same launches (docs/howto/gpu.md)."""

from tlmlp.cuda.replicas import Replicas, ReplicaState, why_no_gpu

__all__ = ["ReplicaState", "Replicas", "why_no_gpu"]
