"""A look at the installation: versions, keys, folders, waiting jobs, each with a word of advice.

Nothing is sent, not even to see whether a service can be reached, and no key is shown: only where it was found.
"""

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from PIL import features

from retouch_nb import session as sessions
from retouch_nb.providers import operations
from retouch_nb.reach import reach, reach_all
from retouch_nb.session import ENGINE, Session
from retouch_nb.table import Table

HEAD = ("", "what", "found", "advice")

NEEDED = (
    "ipython",
    "ipywidgets",
    "ipycanvas",
    "anywidget",
    "httpx",
    "pillow",
    "numpy",
    "starlette",
)

EXTRAS = {
    "numba": ("fast", "object removal works faster with it"),
    "onnxruntime": ("onnx", "needed only for an ONNX model of your own"),
    "psd-tools": ("psd", "needed only to write PSD files"),
    "keyring": ("keyring", "needed only to remember keys"),
    "distributed": ("dask", "needed only to spread a batch over a cluster"),
    "pandas": ("data", "needed only for tables of many photos"),
}

CODECS = {
    "webp": "previews in notebooks are WebP",
    "jpg": "most photos are JPEG",
    "zlib": "masks and layers are PNG",
    "littlecms2": "CMYK photos are converted by their profile",
    "freetype2": "labels are drawn into contact sheets",
}
"""What Pillow may lack when it was built by hand, and why it is needed."""

OPEN_CV = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)

FRONT_ENDS = {
    "COLAB_RELEASE_TAG": "Google Colab",
    "KAGGLE_KERNEL_RUN_TYPE": "Kaggle",
    "VSCODE_PID": "Visual Studio Code",
    "VSCODE_CWD": "Visual Studio Code",
    "JPY_SESSION_NAME": "Jupyter (JupyterLab or Notebook)",
    "JPY_PARENT_PID": "Jupyter",
}
"""Environment variables that front ends set for their kernels."""

FRONT_END_ADVICE = {
    "Google Colab": "Widgets need output.enable_custom_widget_manager() of google.colab; figures do not.",
    "Visual Studio Code": "Expected to work, not tested by us; figures are plain HTML.",
    "Kaggle": "Expected to work, not tested by us; figures are plain HTML.",
    "terminal or script": "Results are text and files here; edit.save_html(path) writes a page.",
}

_ASSET = re.compile(r'"(\w+\.(?:js|css))"')

WAITING = {"sending", "accepted", "running", "fetched", "unknown"}
"""States of jobs that may have been paid and whose result nobody has seen yet."""

Row = tuple[str, str, str, str]


def examine(
    session: Session | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    reach: Callable[[str], str] = reach,
) -> Table:
    """Gather everything one wants to know when something does not work.

    Parameters
    ----------
    session : Session, optional
        The process's own when left out.
    environ : mapping, optional
        Where the front end is guessed from.
    reach : callable
        Says why an address cannot be reached, or nothing; asked of services with a key.

    Returns
    -------
    Table
        One line a fact: a mark (``ok`` or ``!``), what, found, advice.
    """
    session = session or sessions.current()
    return Table(
        HEAD,
        [
            _row("Python", f"{platform.python_version()}, {platform.platform(terse=True)}"),
            _front_end(environ),
            _assets(),
            *_versions(),
            _codecs(),
            *_services(session, reach),
            *_folders(session),
            *_waiting(session),
        ],
    )


def _row(what: str, found: str, advice: str = "", *, fine: bool = True) -> Row:
    return ("ok" if fine else "!", what, found, advice)


def _front_end(environ: Mapping[str, str]) -> Row:
    known = (title for name, title in FRONT_ENDS.items() if environ.get(name))
    kernel = "ipykernel" in sys.modules
    found = next(known, "a kernel, front end not known" if kernel else "terminal or script")
    return _row("front end", found, FRONT_END_ADVICE.get(found, ""))


def _assets() -> Row:
    """Look whether every script and style sheet that a widget names came with the installation."""
    package = Path(__file__).parent
    sources = [*package.glob("*.py"), *package.glob("widgets/**/*.py")]
    named = {name for source in sources for name in _ASSET.findall(source.read_text("utf-8"))}
    there = {file.name for file in package.glob("**/static/*") if file.stat().st_size}
    missing = ", ".join(sorted(named - there))
    advice = "Install retouch_nb again; widgets cannot be shown without them." if missing else ""
    found = f"missing: {missing}" if missing else f"all {len(named)} scripts and style sheets"
    return _row("widget assets", found, advice, fine=not missing)


def _codecs() -> Row:
    missing = [name for name in CODECS if not features.check(name)]
    advice = "; ".join(f"{name}: {CODECS[name]}" for name in missing)
    found = f"Pillow lacks {', '.join(missing)}" if missing else "Pillow has all that are needed"
    return _row("codecs and fonts", found, advice, fine=not missing)


def _versions() -> Iterator[Row]:
    own = _version("retouch_nb")
    yield _row("retouch_nb", own or "not installed; imported from its folder")
    for name in NEEDED:
        found = _version(name)
        yield _row(
            name, found or "missing", "" if found else f"pip install {name}", fine=bool(found)
        )
    yield _kernel(_version("ipykernel"))
    yield _open_cv()
    for name, (extra, purpose) in EXTRAS.items():
        found = _version(name)
        advice = "" if found else f'{purpose}: pip install "retouch_nb[{extra}]"'
        yield _row(name, found or "not installed", advice)


def _kernel(found: str) -> Row:
    old = found.startswith(("5.", "6."))
    advice = "A newer one (7.4) shows progress and takes Cancel more quickly." if old else ""
    return _row("ipykernel", found or "not installed", advice)


def _open_cv() -> Row:
    found = next(filter(None, map(_version, OPEN_CV)), "")
    if not found:
        return _row("OpenCV", "missing", 'pip install "opencv-python-headless<5"', fine=False)
    if not _has_cascades():
        advice = 'Faces are not found without them: pip install "opencv-python-headless<5"'
        return _row("OpenCV", f"{found}, without face cascades", advice, fine=False)
    return _row("OpenCV", f"{found}, with face cascades")


def _has_cascades() -> bool:
    """Look for the files without loading the library."""
    places: Iterable[str] = getattr(find_spec("cv2"), "submodule_search_locations", None) or ()
    name = "data/haarcascade_frontalface_default.xml"
    return any((Path(place) / name).is_file() for place in places)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _services(session: Session, reach: Callable[[str], str]) -> Iterator[Row]:
    one_each = {operation.provider.name: operation for operation in operations().values()}
    with_key = (o for o in one_each.values() if session.credentials.where(o.provider))
    reached = reach_all((session.route(o, "cloud").base_url for o in with_key), reach=reach)
    for operation in one_each.values():
        provider = operation.provider
        source = session.credentials.where(provider)
        address = session.route(operation, "cloud").base_url
        maker = session.route(operation).maker
        found = f"key: {source or 'none'}; {address}; now: {maker}"
        if not source:
            advice = f"Free of charge as it is; for the service set {provider.key_env}, or %retouch_nb login {provider.name}."
            yield _row(provider.title, found, advice)
            continue
        why = reached[address]
        advice = f"Not reached: {why}. You may be offline; --provider local works all the same."
        said = f"{found}; {'not reachable' if why else 'reachable'}"
        yield _row(provider.title, said, advice if why else "", fine=not why)


def _folders(session: Session) -> Iterator[Row]:
    place = _existing(session.home)
    writable = place.is_dir() and os.access(place, os.W_OK)
    free = shutil.disk_usage(place).free
    yield _row(
        "folder",
        f"{session.home}, {'writable' if writable else 'not writable'}, {free / 1e9:,.1f} GB free",
        "" if writable else "Set RETOUCH_NB_HOME to a folder that can be written.",
        fine=writable and free > 500e6,
    )
    yield _row(
        "cache", f"{session.cache_size() / 1e6:,.1f} MB", "%retouch_nb cache clear empties it."
    )


def _existing(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _waiting(session: Session) -> Iterator[Row]:
    waiting = [row for row in session.jobs() if row.state in WAITING and row.service != ENGINE]
    ids = ", ".join(row.id for row in waiting)
    advice = f"%retouch_nb resume {waiting[0].id}" if waiting else ""
    yield _row("paid jobs that wait", ids or "none", advice, fine=not waiting)
