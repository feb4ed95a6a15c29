"""Seeded mutations of extended-XYZ files through the reader: frames with finite numbers, or TlmlpError in one line.

Usage: ``python tests/fuzz/fuzz_extxyz.py [SECONDS] [SEED]``. The reader is Python, so this needs neither clang nor a fuzzing
package; the same seed makes the same inputs. An input that fails is kept in build/fuzz, and its path is printed.
"""

import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from tlmlp.console import console
from tlmlp.data import read_frames
from tlmlp.errors import TlmlpError

ROOT = Path(__file__).resolve().parents[2]
#: Of address space, and of CPU for one input.
MAX_BYTES, MAX_SECONDS = 8 << 30, 10

TOKENS = [
    *(b'Lattice="5 0 0 0 5 0 0 0 5"', b'Lattice="0 0 0 0 0 0 0 0 0"', b'pbc="T T F"', b"pbc=", b"Properties="),
    *(b"Properties=species:S:1:pos:R:3:forces:R:3", b":R:3", b":S:1", b":I:999999999", b":L:1", b"pos:R:3", b"Z:I:1"),
    *(b"energy=", b"REF_energy=-1e3", b'stress="1 2 3"', b"virial=", b"{", b"}", b"[", b"]", b"\\", b'"', b"'", b"="),
    *(
        b"nan",
        b"inf",
        b"-inf",
        b"1e400",
        b"1e-400",
        b"-1",
        b"0",
        b"99999999999",
        b"1_000",
        b"0x10",
        b"1,5",
        b"\xff\xfe",
    ),
    *(
        b"\0",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\t",
        b"\x1b[31m",
        b"Xx",
        b"Ge",
        b"@",
        b"None",
        b"True",
        b"*",
        b"%s",
        b"\xe2\x80\xa8",
    ),
]


def mutated(seeds: list[bytes], draw: random.Random) -> bytes:
    """One to six changes of one of the ``seeds``."""
    content = bytearray(draw.choice(seeds))
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(content) + 1)
        end = min(len(content), at + draw.choice([1, 1, 2, 8, 40]))
        match draw.randrange(6):
            case 0:
                content[at:at] = draw.choice(TOKENS)
            case 1:
                content[at:end] = draw.choice(TOKENS)
            case 2:
                del content[at:end]
            case 3:
                content[at:at] = content[at:end] * draw.choice([1, 2, 50])
            case 4:
                content[at:end] = bytes(draw.randrange(256) for _ in range(end - at))
            case 5:
                other = draw.choice(seeds)
                cut = draw.randrange(len(other) + 1)
                content[at:] = other[cut : cut + 4000]
    return bytes(content[:8000])


def check(path: Path) -> bool:
    """Whether frames came out; any other end than those two raises."""
    try:
        frames = read_frames(path)
    except TlmlpError as error:
        if not str(error) or any(c in str(error) for c in "\n\r\0\x1b"):
            raise AssertionError(f"a message must be one clean line, got {str(error)!r}") from None
        return False
    for frame in frames:
        for name in ("positions", "cell", "energy", "forces", "stress"):
            value = getattr(frame, name)
            if value is not None and not np.isfinite(value).all():
                raise AssertionError(f"{name} is not finite")
    return True


def _too_long(*_: object) -> None:
    raise AssertionError(f"more than {MAX_SECONDS} s")


def main(seconds: float, seed: int) -> int:
    """Run for ``seconds``; the status of the program."""
    seeds = [path.read_bytes() for path in sorted((ROOT / "tests/fuzz/corpus/extxyz").iterdir())]
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, resource.RLIM_INFINITY))
    signal.signal(signal.SIGVTALRM, _too_long)
    warnings.simplefilter("ignore")
    console.quiet = True
    draw, runs, read, begin = random.Random(seed), 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.xyz"
        while time.monotonic() - begin < seconds:
            content = mutated(seeds, draw)
            path.write_bytes(content)
            signal.setitimer(signal.ITIMER_VIRTUAL, MAX_SECONDS)
            try:
                read += check(path)
            except BaseException as error:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                kept = ROOT / "build" / "fuzz" / f"extxyz-{seed}-{runs}.xyz"
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(content)
                print(
                    f"error: extended XYZ, {type(error).__name__}: {str(error)[:300]!r}; kept in {kept}",
                    file=sys.stderr,
                )
                return 1
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            runs += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"fuzz extended XYZ: {runs} files, {read} of them read, without a fault, {peak} MB at most")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
