"""A look at the installation: versions, keys, folders, waiting jobs, each with a word of advice.

Nothing is sent, not even to see whether a service can be reached, and no key is shown: only where it was found.
"""

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from PIL import features

from retouch_nb import session as sessions
from retouch_nb.contract import Operation
from retouch_nb.errors import RetouchError
from retouch_nb.jobs import WAITING
from retouch_nb.providers import operations
from retouch_nb.reach import reach, reach_all
from retouch_nb.requirements import (
    FOR_DEVELOPERS,
    PURPOSES,
    Requirement,
    extras,
    installed,
    required,
)
from retouch_nb.session import ENGINE, Session
from retouch_nb.table import Table

HEAD = ("", "what", "found", "advice")

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

SAME_ENVIRONMENT = "Widgets stay empty? ipywidgets, ipycanvas and anywidget belong where the Jupyter server runs, too."

FRONT_END_ADVICE = {
    "Jupyter (JupyterLab or Notebook)": SAME_ENVIRONMENT,
    "Jupyter": SAME_ENVIRONMENT,
    "Google Colab": "Widgets need output.enable_custom_widget_manager() of google.colab; figures do not.",
    "Visual Studio Code": "Expected to work, not tested by us; figures are plain HTML.",
    "Kaggle": "Expected to work, not tested by us; figures are plain HTML.",
    "terminal or script": "Results are text and files here; edit.save_html(path) writes a page.",
}

_ASSET = re.compile(r'"(\w+\.(?:js|css))"')

LITTLE_ROOM = 500e6
"""Bytes on the disk below which results may soon find no place."""

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
            _settings(session),
            *_services(session, reach),
            _folder(session),
            *_said("cache", lambda: _cache(session)),
            *_said("paid jobs that wait", lambda: _waiting(session)),
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


def _said(what: str, look: Callable[[], Row]) -> Iterator[Row]:
    """Look; what goes wrong is what was found, for a look at broken things must not break."""
    try:
        yield look()
    except RetouchError as error:
        yield _row(what, error.what, error.advice, fine=False)


def _versions() -> Iterator[Row]:
    own = installed("retouch_nb")
    yield _row("retouch_nb", own or "not installed; imported from its folder")
    yield from filter(None, (library(one) for one in required() if one.name not in OPEN_CV))
    yield _kernel(installed("ipykernel"))
    yield _open_cv()
    for name, brought in extras().items():
        if name not in FOR_DEVELOPERS:
            yield _extra(name, brought)


def library(needed: Requirement) -> Row | None:
    """Look for one library; None where it is not needed on this machine."""
    found = installed(needed.name)
    if not found and needed.sometimes:
        return None
    if found and needed.met_by(found):
        return _row(needed.name, found)
    advice = f'pip install "{needed.name}>={needed.lowest}"'
    said = f"{found}, older than {needed.lowest}" if found else "missing"
    return _row(needed.name, said, advice, fine=False)


def _extra(name: str, brought: Iterable[Requirement]) -> Row:
    versions = {needed.name: installed(needed.name) for needed in brought}
    found = ", ".join(
        f"{library} {version or 'not installed'}" for library, version in versions.items()
    )
    advice = (
        "" if all(versions.values()) else f'For {PURPOSES[name]}: pip install "retouch_nb[{name}]"'
    )
    return _row(f"extra {name}", found, advice)


def _kernel(found: str) -> Row:
    old = found.startswith(("5.", "6."))
    advice = "A newer one (7.4) shows progress and takes Cancel more quickly." if old else ""
    return _row("ipykernel", found or "not installed", advice)


def _open_cv() -> Row:
    found = next(filter(None, map(installed, OPEN_CV)), "")
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


def _settings(session: Session) -> Row:
    """Say what ``%config Retouch`` has changed; faults that were left on explain much."""
    settings = session.settings
    changed = {
        name: getattr(settings, name)
        for name, trait in sorted(settings.traits(config=True).items())
        if getattr(settings, name) != trait.default()
    }
    found = ", ".join(f"{name} = {value!r}" for name, value in changed.items())
    model = Path(settings.removal_model).expanduser() if settings.removal_model else None
    if model and not model.is_file():
        advice = f"There is no file {model}; correct %config Retouch.removal_model."
    elif settings.faults:
        advice = "The engine fails on purpose; %config Retouch.faults = [] ends it."
    else:
        advice = ""
    return _row("settings", found or "all as they come", advice, fine=not advice)


def _services(session: Session, reach: Callable[[str], str]) -> Iterator[Row]:
    one_each = {operation.provider.name: operation for operation in operations().values()}
    reached = reach_all(_addresses(session, one_each.values()), reach=reach)
    for operation in one_each.values():
        look = partial(_service, session, operation, reached)
        yield from _said(operation.provider.title, look)


def _addresses(session: Session, asked: Iterable[type[Operation]]) -> Iterator[str]:
    """Give the addresses that are worth a connection: of services with a key that can be one."""
    for operation in asked:
        with suppress(RetouchError):
            if session.credentials.where(operation.provider):
                yield session.route(operation, "cloud").base_url


def _service(session: Session, operation: type[Operation], reached: Mapping[str, str]) -> Row:
    provider = operation.provider
    source = session.credentials.where(provider)
    route = session.route(operation, "cloud")
    route.check()
    found = f"key: {source or 'none'}; {route.base_url}; now: {session.route(operation).maker}"
    if not source:
        advice = f"Free of charge as it is; for the service set {provider.key_env}, or %retouch_nb login {provider.name}."
        return _row(provider.title, found, advice)
    why = reached[route.base_url]
    advice = f"Not reached: {why}. You may be offline; --provider local works all the same."
    said = f"{found}; {'not reachable' if why else 'reachable'}"
    return _row(provider.title, said, advice if why else "", fine=not why)


def _folder(session: Session) -> Row:
    place = _existing(session.home)
    writable = place.is_dir() and os.access(place, os.W_OK)
    free = shutil.disk_usage(place).free
    found = (
        f"{session.home}, {'writable' if writable else 'not writable'}, {free / 1e9:,.1f} GB free"
    )
    if not writable:
        advice = "Set RETOUCH_NB_HOME to a folder that can be written."
    elif free < LITTLE_ROOM:
        advice = "Make room, or set RETOUCH_NB_HOME to a folder on another disk."
    else:
        advice = ""
    return _row("folder", found, advice, fine=not advice)


def _cache(session: Session) -> Row:
    size = f"{session.cache_size() / 1e6:,.1f} MB"
    return _row("cache", size, "%retouch_nb cache clear empties it.")


def _existing(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _waiting(session: Session) -> Row:
    waiting = [row for row in session.jobs() if row.state in WAITING and row.service != ENGINE]
    ids = ", ".join(row.id for row in waiting)
    advice = f"%retouch_nb resume {waiting[0].id}" if waiting else ""
    return _row("paid jobs that wait", ids or "none", advice, fine=not waiting)
