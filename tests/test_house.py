"""The house: which module may import which, and what no module may contain."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (
    "exceptions",
    "language",
    "emotions",
    "label_maps",
    "records",
    "config",
    "distances",
    "transport",
    "metrics",
    "classification",
    "sequence_measures",
    "ratings",
    "images",
    "fingerprints",
    "files",
    "drafts",
    "background",
    "decoding",
    "datasets",
    "models",
    "objectives",
    "tasks",
    "runs",
    "tables",
    "prediction",
    "shards",
    "parts",
    "cluster",
    "steps",
    "evaluation",
    "training",
    "rounds",
    "studies",
    "slices",
    "explain",
    "jobs",
    "bench",
    "figures",
    "export",
    "ui",
    "commands",
    "__main__",
)
# Module prefix -> packages that it may not import, and why a reader should care.
FORBIDDEN = {
    "fisa.datasets.planted": {"torch"},  # others use the data set without our models
    "fisa.figures": {"torch", "streamlit"},  # a figure never touches a model or a session
}
LIBRARY = sorted((ROOT / "fisa").rglob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
FRONT = [path for path in (ROOT / "app.py",) if path.exists()]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str) -> Iterator[str]:
    """Every imported module, wherever the statement stands; ``from fisa import runs`` counts as ``fisa.runs``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{alias.name}" for alias in node.names) if base == "fisa" else (base,)


def layer(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "fisa" else None


def problems(module: str, source: str) -> list[str]:
    found = []
    own = layer(module)
    for target in imports(source):
        other = layer(target)
        if target.startswith("."):
            found.append(f"{module}: relative import {target}")
        if other is not None and other not in LAYERS and other != "__version__":
            found.append(f"{module} imports {target}, which is no layer of LAYERS")
        elif own in LAYERS and other in LAYERS and LAYERS.index(other) > LAYERS.index(own):
            found.append(f"{module} imports {target}, a layer below it")
        package = target.split(".")[0]
        if package == "streamlit" and own is not None and own != "ui":
            found.append(f"{module} imports streamlit; only fisa.ui, app.py and pages/ may")
        for prefix, banned in FORBIDDEN.items():
            if (module == prefix or module.startswith(prefix + ".")) and package in banned:
                found.append(f"{module} imports {package}")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            found.append(f"{module}:{node.lineno}: print()")
    return found


@pytest.mark.parametrize("path", LIBRARY, ids=module_name)
def test_imports_point_upwards(path: Path) -> None:
    assert problems(module_name(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", [*FRONT, *PAGES], ids=lambda path: path.stem)
def test_page_never_touches_a_tensor(path: Path) -> None:
    roots = {target.split(".")[0] for target in imports(path.read_text(encoding="utf-8"))}
    assert roots & {"torch", "torchvision", "lightning", "lightning_fabric", "safetensors"} == set()


def test_every_library_module_belongs_to_a_layer() -> None:
    strays = [module_name(path) for path in LIBRARY if layer(module_name(path)) not in (*LAYERS, None)]
    assert strays == [], "add the module to LAYERS here and in fisa/__init__.py, at its place"


def test_the_documents_list_the_layers_in_their_order() -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / "fisa" / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert re.findall(r"\w+", docstring.partition("(tests/test_house.py):")[2]) == list(LAYERS)
    listed = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1]
    assert [line.split()[0] for line in listed.splitlines() if line] == list(LAYERS)


QUIET = {"fisa.background.Stopped", "fisa.training.team.Abandoned"}
"""They end a process without a word, so that none is a sentence for a person."""


def test_every_named_exception_is_a_fisa_error_and_a_builtin_one() -> None:
    found = set()
    for path in LIBRARY:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(re.search("Error|Exception", ast.unparse(b)) for b in node.bases):
                bases = [ast.unparse(base) for base in node.bases]
                name = f"{module_name(path)}.{node.name}"
                found |= {name} if bases not in (["FisaError", "ValueError"], ["FisaError", "RuntimeError"]) else set()
    assert found == {*QUIET, "fisa.exceptions.FisaError", "fisa.datasets.problems.BadData"}


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("fisa.metrics", "import fisa.runs", "a layer below"),
        ("fisa.metrics", "from fisa.runs import load_run", "a layer below"),
        ("fisa.metrics", "from fisa import runs", "a layer below"),
        ("fisa.metrics", "def late():\n    from fisa.ui.state import x", "a layer below"),
        ("fisa.metrics", "from .distances import kl", "relative import"),
        ("fisa.metrics", "from fisa.helpers import kl", "no layer"),
        ("fisa.training", "import streamlit as st", "streamlit"),
        ("fisa.figures.wheel", "from torch import Tensor", "imports torch"),
        ("fisa.datasets.planted.scene", "import torch.nn", "imports torch"),
        ("fisa.runs", "print('loaded')", "print()"),
    ],
)
def test_checker_sees_what_is_wrong(module: str, source: str, complaint: str) -> None:
    (found,) = problems(module, source)
    assert complaint in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("fisa.metrics", "from fisa.distances import kl\nimport numpy"),
        ("fisa.datasets.real", "from fisa.datasets.manifest import check\nimport torch"),
        ("fisa.ui.state", "import streamlit\nfrom fisa.figures import wheel"),
        ("fisa.prediction", "from fisa import __version__"),
    ],
)
def test_checker_lets_right_imports_pass(module: str, source: str) -> None:
    assert problems(module, source) == []


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("fisa.datasets.planted", {"torch", "streamlit"}),
        ("fisa.figures", {"torch", "streamlit", "matplotlib"}),
        ("fisa.figures.paper", {"torch", "streamlit", "matplotlib.pyplot"}),
        ("fisa.decoding", {"torch", "pandas"}),  # every worker process loads it
        ("fisa.fingerprints", {"torch", "pandas"}),  # so do those of `data check`
        ("fisa.jobs.process", {"torch", "pandas"}),  # a training holds its lock at once
        ("fisa.__main__", {"torch", "pandas", "plotly", "streamlit"}),  # --help answers at once
    ],
)
def test_import_stays_light(module: str, absent: set[str]) -> None:
    code = f"import sys, {module}; sys.stdout.write(str(set({sorted(absent)!r}) & sys.modules.keys() or ''))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_rooms_stay_small() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in [*LIBRARY, *PAGES, *FRONT]}
    bounds = {path: 100 if path.parent.name == "pages" else 350 for path in lengths}
    assert [f"{path.relative_to(ROOT)}: {n} lines" for path, n in lengths.items() if n > bounds[path]] == []


def test_no_room_without_a_subject() -> None:
    names = {path.stem for path in LIBRARY}
    assert names & {"utils", "util", "helpers", "common", "misc"} == set()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"(?:configs|artifacts|docs|fisa)/[\w./-]*\w", README))))
def test_what_the_readme_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_dependency_is_pinned_and_explained() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w-]+", " ".join(re.findall(r"^\| ([\w, -]+) \|", contributing, re.MULTILINE))))
    for file in ("requirements.txt", "requirements-dev.txt", "requirements-cluster.txt"):
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
            package, separator, version = line.partition("==")
            assert separator and version, f"{file}: {line} is not pinned"
            assert package in named, f"CONTRIBUTING.md does not say what {package} is for"
