"""A studio server in a process of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from waiting import PATIENCE

ROOT = Path(__file__).parents[2]


def start(artifacts: Path, folder: Path, **environment: str) -> tuple[str, subprocess.Popen[bytes]]:
    """Start ``streamlit run app.py`` on an artifacts folder; return its address, which answers, and its process.

    Args:
        artifacts: Whose runs it shows.
        folder: Where its log goes; a person's own runs would lie in ``none`` there.
        environment: Further variables.

    Raises:
        RuntimeError: It ended, or did not answer in time.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = {"FISA_ARTIFACTS": str(artifacts), "FISA_RUNS": str(folder / "none"), **environment}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    command += ["--server.headless=true", "--server.fileWatcherType=none"]
    with (folder / "streamlit.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | names, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://localhost:{port}"
    _await_health(address, process, folder / "streamlit.log")
    return address, process


def _await_health(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(PATIENCE // 250):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()}")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.25)
    process.terminate()
    raise RuntimeError(f"the server did not answer; see {log}")
