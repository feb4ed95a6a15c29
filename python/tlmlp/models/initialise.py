"""Reproducible initial weights: drawn in float64 from a generator of their own, whatever the dtype of the model."""

import math

import torch
from torch import Tensor


def semi_orthogonal(n_out: int, n_in: int, generator: torch.Generator) -> Tensor:
    """Random (n_out, n_in) float64 matrix with orthonormal rows or columns, whichever are fewer."""
    tall = torch.randn(max(n_out, n_in), min(n_out, n_in), dtype=torch.float64, generator=generator)
    q, r = torch.linalg.qr(tall)
    q = q * torch.where(torch.diagonal(r) < 0.0, -1.0, 1.0)
    return q if n_out >= n_in else q.T


def glorot_orthogonal(n_out: int, n_in: int, generator: torch.Generator) -> Tensor:
    """W = Q sqrt(1 / ((fan_in + fan_out) Var(Q))) with semi-orthogonal Q and its population variance."""
    q = semi_orthogonal(n_out, n_in, generator)
    variance = float(q.var(correction=0))
    if variance <= 1e-12:
        variance = 1.0
    return q * math.sqrt(1.0 / ((n_in + n_out) * variance))
