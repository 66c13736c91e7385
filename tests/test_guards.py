"""Taste that tests keep: layers of imports, public names, dependencies, tables of the README."""

import ast
import inspect
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

import retouch_nb
from retouch_nb import docs
from retouch_nb.reference.docstrings import attributes

PACKAGE = Path(retouch_nb.__file__).parent
ROOT = PACKAGE.parent

LAYERS = [
    {"errors"},
    {
        "files",
        "photo",
        "rle",
        "mask",
        "marks",
        "strokes",
        "blend",
        "layers",
        "imaging",
        "table",
        "drift",
        "reach",
        "metrics",
        "container",
        "requirements",
    },
    {"engine"},
    {"params", "contract", "credentials"},
    {"receipt", "providers", "describe", "outlook"},
    {"client"},
    {"figure", "gallery", "loop", "pump", "receiver", "provenance", "recreation", "explanation"},
    {"edit", "jobs", "job", "doubt", "config", "session"},
    {"sweep"},
    {"batches", "compare", "doctor", "functions", "operations", "verification", "widgets"},
    {"magics", "commands", "reference", "demo", "docs", "cli"},
    {"__init__", "__main__"},
]
"""From the ground up; a module imports from its own layer and from those below."""

LOADS_LATER = {
    "session": {"retouch_nb.client", "retouch_nb.engine"},  # httpx, Starlette
    "batches.cluster": {"retouch_nb.client"},  # httpx
    "batches.run": {"retouch_nb.widgets"},  # ipywidgets
    "functions": {"retouch_nb.batches"},  # 25 ms
    "magics.batches": {"retouch_nb.batches"},  # 25 ms
    "cli": {"retouch_nb.engine.serve"},  # uvicorn
    "compare": {"retouch_nb.imaging"},  # OpenCV
    "magics.paint": {"retouch_nb.widgets"},  # ipywidgets
    "mask": {"retouch_nb.imaging.shape"},  # OpenCV
    "marks": {"retouch_nb.imaging.select"},  # OpenCV
    "strokes": {"retouch_nb.imaging.shape"},  # OpenCV
    "layers.stack": {"retouch_nb.widgets"},  # ipywidgets
    "imaging.patchmatch": {"retouch_nb.imaging"},  # numba
    "sweep.frame": {"retouch_nb.metrics"},  # OpenCV
    "__init__": {
        "retouch_nb.magics",
        "retouch_nb.widgets",
    },  # when the extension is loaded, when a job is shown, when a painter is asked for
}
"""Own imports inside functions, each for the sake of a quick start."""

ONLY_IN = {
    "httpx": {"client", "engine"},
    "starlette": {"engine"},
    "uvicorn": {"engine", "receiver"},
    "IPython": {"magics", "job", "widgets", "__init__"},
    "ipywidgets": {"widgets"},
    "ipycanvas": {"widgets"},
    "anywidget": {"widgets"},
    "nest_asyncio": {"pump"},
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "train.py")


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def room(name: str) -> str:
    """Give the part of a dotted own module that the layers speak of."""
    first = name.removeprefix("retouch_nb").lstrip(".").split(".")[0] or "__init__"
    return first.lstrip("_") if first.startswith("_") and not first.startswith("__") else first


@cache
def imports(path: Path, *, inside: bool) -> set[str]:
    """Give the modules a file imports at its top, or only inside its functions."""
    tree = ast.parse(path.read_text("utf-8"))
    deep = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    return {
        found
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and (id(node) in deep) == inside
        and id(node) not in typing_only
        for found in _targets(node)
    }


def _targets(node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    module = node.module or ""
    inner = {name for alias in node.names if _is_module(name := f"{module}.{alias.name}")}
    return inner or {module}


def _is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def layer_of(name: str) -> int:
    found = [
        level
        for level, rooms in enumerate(LAYERS)
        if room(name) in {r.lstrip("_") if r[:2] != "__" else r for r in rooms}
    ]
    assert found, f"{name} is in no layer: add it to LAYERS"
    return found[0]


every = pytest.mark.parametrize("path", modules(), ids=name_of)


@every
def test_imports_point_one_way(path: Path) -> None:
    """A module knows its own layer and those below it, never what is built on it."""
    own = {i for i in imports(path, inside=False) if i.startswith("retouch_nb.")}
    for target in own:
        assert layer_of(target) <= layer_of(name_of(path)), f"{name_of(path)} imports {target}"


@every
def test_own_imports_inside_functions_have_a_reason(path: Path) -> None:
    """Only named places load a part of the package late; the engine loads its image work so."""
    own = {i for i in imports(path, inside=True) if i.startswith("retouch_nb.")}
    allowed = (
        {"retouch_nb.imaging"}
        if room(name_of(path)) == "engine"
        else LOADS_LATER.get(name_of(path), set())
    )
    assert all(any(i.startswith(a) for a in allowed) for i in own), own


@every
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    """HTTP, web server, IPython and widgets are known where they are needed and nowhere else."""
    for target in imports(path, inside=False) | imports(path, inside=True):
        rooms = ONLY_IN.get(target.split(".")[0])
        assert rooms is None or room(name_of(path)) in rooms, f"{name_of(path)} imports {target}"


def test_the_engine_is_an_independent_reading_of_the_vendors_pages() -> None:
    """It imports neither the declarations nor the client, so that agreement proves something."""
    for path in (PACKAGE / "engine").rglob("*.py"):
        every_import = imports(path, inside=False) | imports(path, inside=True)
        assert not [
            i
            for i in every_import
            if i.startswith(
                (
                    "retouch_nb.providers",
                    "retouch_nb.contract",
                    "retouch_nb.client",
                    "retouch_nb.params",
                )
            )
        ]


def test_there_are_no_import_cycles() -> None:
    """Following imports from any module never leads back to it."""
    edges = {
        name_of(path): {
            i.removeprefix("retouch_nb.")
            for i in imports(path, inside=False)
            if i.startswith("retouch_nb.")
        }
        for path in modules()
    }

    def reaches(start: str, goal: str, seen: set[str]) -> bool:
        for target in edges.get(start, set()) - seen:
            seen.add(target)
            if target == goal or reaches(target, goal, seen):
                return True
        return False

    assert not [name for name in edges if reaches(name, name, set())]


PUBLIC = [name for name in retouch_nb.__all__ if name not in {"errors", "__version__"}]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_show_how_they_are_used(name: str) -> None:
    """Everything in ``__all__`` can be imported, says what it is, and has an example, which doctest runs."""
    told = inspect.getdoc(getattr(retouch_nb, name)) or ""
    assert re.search(r"^Examples\n--------\n(?:.*\n)*?>>> ", told, re.M), told


@pytest.mark.parametrize("name", [n for n in PUBLIC if inspect.isroutine(getattr(retouch_nb, n))])
def test_public_functions_tell_every_parameter(name: str) -> None:
    """Shift-Tab is the manual: what can be given, what comes back, and what is raised stand there."""
    thing = getattr(retouch_nb, name)
    told = inspect.getdoc(thing) or ""
    if parameters := inspect.signature(thing).parameters:
        heads = ", ".join(attributes(told, "Parameters"))
        assert set(parameters) <= {word.strip(" *") for word in heads.split(",")}
    assert all(f"{section}\n---" in told for section in ("Returns", "Raises", "Examples"))


def test_runtime_dependencies_are_an_agreed_set() -> None:
    """A new dependency is a decision, not an accident."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {line.split(">")[0].split(";")[0].strip() for line in project["dependencies"]}
    assert names == {
        "anywidget", "httpx", "ipycanvas", "ipython", "ipywidgets", "nest-asyncio", "numpy",
        "opencv-python-headless", "pillow", "platformdirs", "python-multipart", "starlette",
        "tqdm", "traitlets", "uvicorn",
    }  # fmt: skip
    assert project["version"] == retouch_nb.__version__


def test_tables_of_the_readme_are_those_of_the_declarations() -> None:
    """Run ``make docs`` when this fails."""
    assert docs.update(ROOT / "README.md", write=False)


def test_every_module_says_what_it_is_for() -> None:
    """A module begins with one to four lines on its one idea."""
    for path in modules():
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


def test_every_test_states_its_rule() -> None:
    """A test's docstring is one paragraph that says what must hold."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"
