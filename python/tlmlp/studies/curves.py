"""Learning curves out of run directories."""

from pathlib import Path

from tlmlp.train.loop.metrics import Metrics


def validation_curve(run: Path) -> tuple[list[int], list[float]]:
    """Updates and validation force RMSE (eV/Å) of a run, from its metrics."""
    rows = [row for row in Metrics(run, writes=False).rows() if row.get("val_force_rmse_ev_per_ang") is not None]
    return [row["update"] for row in rows], [row["val_force_rmse_ev_per_ang"] for row in rows]


def best_validation(run: Path) -> float:
    """Lowest validation force RMSE of a run, eV/Å."""
    return min(validation_curve(run)[1])
