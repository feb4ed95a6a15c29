"""Stand-ins for the CUDA libraries that a CUDA build of torch is linked to, for machines that only use the CPU.

usage: cuda_stand_ins.py SITE_PACKAGES

openmmtorch exists for a CUDA build of torch alone, whose libraries of NVIDIA take 4 GB. On a CPU none of their functions
is ever called, but the loader wants to find each by name. So: for every library that torch needs and that is missing, a
tiny one is compiled that has these names; a function that is called all the same prints its name and aborts.
libcudart is really called when torch starts: install nvidia-cuda-runtime-cu12 (1 MB).
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

#: Names of the functions of each library; where torch asks for a versioned symbol, its version names the library.
FUNCTIONS = {
    "libcublas.so.12": r"cublas(?!Lt)",
    "libcublasLt.so.12": r"cublasLt",
    "libcudnn.so.9": r"cudnn",
    "libcufft.so.11": r"cufft",
    "libcufile.so.0": r"cuFile",
    "libcupti.so.12": r"cupti",
    "libcurand.so.10": r"curand",
    "libcusparse.so.12": r"cusparse(?!Lt)",
    "libcusparseLt.so.0": r"cusparseLt",
    "libnccl.so.2": r"p?nccl[A-Z]",
    "libnvrtc.so.12": r"nvrtc",
    "libnvshmem_host.so.3": r"nvshmem",
}


def missing_symbols(libraries: Path) -> dict[str, dict[str, set[str]]]:
    """For each library, by version ("" for none), the names that torch's own libraries want."""
    wanted: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for library in sorted([*libraries.glob("libtorch*.so"), *libraries.glob("libc10*.so")]):
        listing = subprocess.run(
            ["nm", "-D", "--undefined-only", str(library)], capture_output=True, text=True, check=True
        ).stdout
        for line in listing.splitlines():
            name, _, version = line.split()[-1].replace("@@", "@").partition("@")
            for soname, pattern in FUNCTIONS.items():
                if version == soname or re.match(pattern, name):
                    wanted[soname][version].add(name)
                    break
    return wanted


def compile_stand_in(target: Path, soname: str, by_version: dict[str, set[str]]) -> None:
    """One library with functions of these names."""
    names = sorted(set().union(*by_version.values()))
    code = ["#include <stdio.h>", "#include <stdlib.h>"]
    for name in names:
        code.append(f'void {name}(void) {{ fputs("{soname} stand-in: {name} called\\n", stderr); abort(); }}')
    with tempfile.TemporaryDirectory() as folder:
        source, versions = Path(folder) / "stand_in.c", Path(folder) / "versions.map"
        source.write_text("\n".join(code) + "\n")
        command = ["cc", "-shared", "-fPIC", "-Os", "-s", "-fno-builtin", "-w", str(source), "-o", str(target)]
        command.append(f"-Wl,-soname,{soname}")
        if any(by_version):
            blocks = [
                f"{version} {{ global: {' '.join(name + ';' for name in sorted(names))} }};"
                for version, names in by_version.items()
                if version
            ]
            versions.write_text("\n".join(blocks) + "\n")
            command.append(f"-Wl,--version-script,{versions}")
        subprocess.run(command, check=True)


def main() -> None:
    """Fill the folder of torch's libraries."""
    libraries = Path(sys.argv[1]) / "torch" / "lib"
    wanted = missing_symbols(libraries)
    for soname in FUNCTIONS:
        if not (libraries / soname).exists():
            compile_stand_in(libraries / soname, soname, wanted.get(soname, {}))
    print(f"stand-ins for {len(FUNCTIONS)} CUDA libraries in {libraries}")


if __name__ == "__main__":
    main()
