"""What the figures were taken on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil

from tocsin_classify.settings import available_cores

VECTOR_FLAGS = ("avx2", "fma", "f16c", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_int8")
LIBRARIES = ("onnxruntime", "transformers", "tokenizers", "numpy", "pydantic", "faust-streaming", "aiokafka")


def describe_machine() -> dict[str, str]:
    """Cores, vector instructions, memory and versions, in words."""
    cpu = _read_cpu(Path("/proc/cpuinfo"))
    flags = set(cpu.get("flags", "").split())
    return {
        "processor": cpu.get("model name", platform.processor() or platform.machine()),
        "cores": str(available_cores()),
        "vector instructions": ", ".join(flag for flag in VECTOR_FLAGS if flag in flags) or "unknown",
        "int8 dot products (VNNI)": "yes" if flags & {"avx512_vnni", "avx_vnni"} else "no",
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def load_average() -> float:
    """Processes that wanted a core in the last minute, in the mean: more than the benchmark's own were noise."""
    return round(os.getloadavg()[0], 2)


def _read_cpu(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
