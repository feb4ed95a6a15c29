"""Devices that the tests run on: the GPU's kernels on the CPU always, on a GPU where there is one."""

import pytest

from tlmlp import _core


def why_no_gpu() -> str | None:
    """Why no GPU can be used, or None."""
    if not _core.built_with_cuda():
        return "this build has no CUDA (TLMLP_CUDA=OFF)"
    return None if _core.cuda_devices() > 0 else "no GPU can be used here"


GPU = pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(bool(why_no_gpu()), reason=str(why_no_gpu()))])
DEVICES = ["cuda-on-cpu", GPU]


@pytest.fixture(params=DEVICES)
def device(request) -> str:
    """Name of a device for ``Engine(device=...)``."""
    return request.param
