"""The native force: the engine inside OpenMM, without Python or torch in a step."""

import base64
import ctypes
import math
import os
import re
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import quoteattr

from tlmlp.errors import TlmlpError
from tlmlp.openmm.library import load
from tlmlp.openmm.selection import Element, select
from tlmlp.units import NM_PER_ANGSTROM

PRECISIONS = ("single", "double")


def native_force(
    model: str | os.PathLike[str],
    topology: Any = None,
    *,
    elements: Iterable[Element] | None = None,
    atoms: Iterable[int] | None = None,
    periodic: bool | None = None,
    precision: str = "single",
    threads: int | None = None,
    skin: float = 0.5,
    scale: str | None = None,
    device: str = "cpu",
    warn_close: bool = True,
) -> Any:
    """``TLMLPForce``, a force in C++ for the Reference and CPU platforms, and any other by copies through the host.

    :param model: file written by ``tlmlp export``, or the name of a model that comes with the package; the force keeps what it needs of it, in XML too
    :param topology: ``openmm.app.Topology``, for the elements and the periodicity
    :param elements: instead of it, symbol or atomic number of every particle; with neither, a model of one species acts
        on all particles of the System
    :param atoms: indices of the particles that the model acts on (all)
    :param periodic: periodic in all three box vectors, or in none; by default what the topology says, True without one
    :param precision: "single" or "double", of the network; displacements and sums are in double precision
    :param threads: of the engine; by default those of the CPU platform, and one on other platforms
    :param skin: Å by which the neighbour list, kept between steps, reaches beyond the cutoff
    :param scale: name of a global parameter (default value 1) that multiplies energy and forces; the Reference and CPU
        platforms give the derivative of the energy by it
    :param device: where the engine runs, whatever OpenMM's platform: "cpu", or "cuda", "cuda:N" in a build with CUDA
        ("cuda-on-cpu" runs the GPU's kernels on the CPU, for tests)
    :param warn_close: whether a Context writes one line on the standard error when two atoms come closer than any pair in
        the training data of the model
    :return: ``openmm.Force`` for ``system.addForce``
    :raises TlmlpError: when the native force is not available, the file is unusable, or the particles do not fit it

    Making a Context, or a step, raises ``openmm.OpenMMException`` with one line on what only shows there.
    """
    load()
    check_options(precision, threads, skin, scale, device)
    selection = select(model, topology, elements, atoms, periodic)
    properties = {
        "type": "TLMLPForce",
        "version": 1,
        "forceGroup": 0,
        "name": "TLMLPForce",
        "file": selection.name,
        "precision": precision,
        "periodic": int(selection.periodic),
        "skin": repr(skin * NM_PER_ANGSTROM),
        "threads": threads or 0,
        "device": device,
        "warns": int(warn_close),
        "scale": scale or "",
        "scaleDefault": 1,
        "model": base64.b64encode(selection.model).decode(),
    }
    head = " ".join(f"{key}={quoteattr(str(value))}" for key, value in properties.items())
    pairs = zip(selection.particles or [], selection.numbers or [], strict=True)
    body = "".join(f'<Atom p="{particle}" z="{number}"/>' for particle, number in pairs)
    # OpenMM's XML reader makes the object and hands it over as a Python object that it owns.
    from openmm import XmlSerializer

    return XmlSerializer.deserialize(f'<?xml version="1.0" ?><Force {head}><Atoms>{body}</Atoms></Force>')


def check_options(precision: str, threads: int | None, skin: float, scale: str | None, device: str = "cpu") -> None:
    """What is wrong with the options, as far as it shows before a model is read.

    :raises TlmlpError: on a wrong one
    """
    if precision not in PRECISIONS:
        raise TlmlpError(f"`precision` must be single or double, got {precision!r}")
    if threads is not None and (int(threads) != threads or threads < 1):
        raise TlmlpError(f"`threads` must be 1 or more, got {threads!r}")
    if not (math.isfinite(skin) and 0.0 <= skin <= 10.0):
        raise TlmlpError(f"`skin` must be from 0 to 10 Å, got {skin!r}")
    if not (isinstance(device, str) and re.fullmatch(r"cpu|cuda|cuda:\d{1,3}|cuda-on-cpu", device)):
        raise TlmlpError(f"`device` must be cpu, cuda, cuda:N or cuda-on-cpu, got {device!r}")
    if scale is not None and not (isinstance(scale, str) and scale.isidentifier()):
        raise TlmlpError(f"`scale` must be the name of a global parameter, such as 'lambda_ml', got {scale!r}")


def statistics(force: Any, context: Any) -> dict[str, float]:
    """What a native force has done in a Context so far.

    :return: ``evaluations``, of them ``energies_alone`` without forces, ``neighbour_builds`` (how often the list was made),
        ``engine_seconds`` for energies and forces, ``neighbour_seconds`` for the list and the edge vectors
    :raises TlmlpError: when the force is none of ours, or not part of the context's System
    """
    out = (ctypes.c_double * 5)()
    if load().tlmlp_openmm_statistics(int(force.this), int(context.this), out) != 0:
        raise TlmlpError("statistics are those of a native force in a Context of its System; take it from getForce()")
    return {
        "evaluations": int(out[0]),
        "energies_alone": int(out[4]),
        "neighbour_builds": int(out[1]),
        "engine_seconds": out[2],
        "neighbour_seconds": out[3],
    }
