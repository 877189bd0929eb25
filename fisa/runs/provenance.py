"""Where a run comes from: versions of the program and its packages, hardware, and a digest of the code."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from fisa import __version__

PACKAGES = ("torch", "torchvision", "lightning-fabric", "safetensors", "numpy", "pandas", "pyarrow", "pillow")


@cache
def code_digest() -> str:
    """Return the digest of the program's own source: SHA-256 over every module's path and text, 16 hex digits."""
    package = Path(__file__).parents[1]
    whole = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        content = file.read_bytes()
        whole.update(f"{file.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return whole.hexdigest()[:16]


def surroundings() -> dict[str, Any]:
    """Return what this process runs on: versions, platform, processor, threads."""
    return {
        "fisa": __version__,
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    """Return the processor's own name where the system tells it, else the architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{platform.machine()} {line.partition(':')[2].strip()}"
    except OSError:
        pass
    return platform.processor() or platform.machine()
