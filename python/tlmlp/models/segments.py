"""Sums over the edges of an atom: ``scatter_sum`` of torch-scatter where it is installed, else ``index_add``.

Both are right to second order, which a force loss needs. The faster-looking ``segment_csr``, ``segment_coo`` and
``gather_*`` of torch-scatter are not: their second derivatives are silently wrong.
"""

import logging

from torch import Tensor

logger = logging.getLogger(__name__)


def index_add_sum(values: Tensor, index: Tensor, size: int) -> Tensor:
    """``out[a] = sum of values[e] over the e with index[e] == a``, shape (size, ...)."""
    return values.new_zeros([size] + list(values.shape[1:])).index_add(0, index, values)  # noqa: RUF005 (TorchScript)


try:
    from torch_scatter import scatter_sum
except (ImportError, OSError) as error:  # OSError: built for another torch
    if not isinstance(error, ModuleNotFoundError):
        logger.warning("torch_scatter is installed but does not load, index_add is used: %s", error)
    segment_sum = index_add_sum
    IMPLEMENTATION = "index_add"
else:

    def segment_sum(values: Tensor, index: Tensor, size: int) -> Tensor:
        """``out[a] = sum of values[e] over the e with index[e] == a``, shape (size, ...)."""
        return scatter_sum(values, index, 0, None, size)

    IMPLEMENTATION = "torch_scatter.scatter_sum"


def log_implementation() -> None:
    """Say in the log which implementation is in use."""
    logger.info("plain route: segment sums by %s", IMPLEMENTATION)
