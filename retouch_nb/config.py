"""Settings a person may change with ``%config Retouch...``, and where the package keeps its state.

Keys are never settings: see `retouch_nb.credentials`.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_data_path
from traitlets import Bool, Enum, Float, Int, List, Unicode
from traitlets.config import Configurable

from retouch_nb.errors import HomeError
from retouch_nb.photo import SHOWN

HOME_ENV = "RETOUCH_NB_HOME"


class Retouch(Configurable):
    """How retouch_nb works; ``%config Retouch`` lists these and their values."""

    backend = Enum(
        ["auto", "local", "cloud"],
        "auto",
        help="Where the work is done: the service where a key is configured and the embedded engine otherwise"
        " (auto), always the embedded engine (local), always the service (cloud).",
    ).tag(config=True)
    max_credits = Int(
        None,
        allow_none=True,
        min=0,
        help="Refuse any single task that costs more credits than this.",
    ).tag(config=True)
    patience = Float(
        None,
        allow_none=True,
        min=1,
        help="Seconds to wait for one task before giving control back; by service when not set.",
    ).tag(config=True)
    progress = Bool(True, help="Show progress in the cell while a task runs.").tag(config=True)
    preview = Int(
        SHOWN, min=64, max=4096, help="Longer side of the pictures kept in the notebook, in pixels."
    ).tag(config=True)
    cache_gigabytes = Float(2.0, min=0, help="How much disk cached results may take.").tag(
        config=True
    )
    removal_model = Unicode(
        "",
        help="Path of your own LaMa-style ONNX file, used by the embedded engine for object removal.",
    ).tag(config=True)
    keep_metadata = Bool(
        False,
        help="Send photos with all that their files hold beside the picture: place, camera, owner, comments.",
    ).tag(config=True)
    faults = List(
        Unicode(),
        help="For teaching: what goes wrong on purpose at the embedded engine, each NAME, or NAME=TIMES with 0 for"
        " always; e.g. ['429=2', 'truncated']. An empty list ends it. Cached results see none: add --fresh.",
    ).tag(config=True)
    private_addresses = Bool(
        False, help="Let the embedded engine fetch pictures from private and loopback addresses."
    ).tag(config=True)


def home_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the folder of journal and cache: ``RETOUCH_NB_HOME``, or the platform's place for data.

    Raises
    ------
    HomeError
        It begins with ``~`` and a name that is nobody's.

    Examples
    --------
    >>> home_folder({"RETOUCH_NB_HOME": "/tmp/retouch"}).name
    'retouch'
    """
    chosen = environ.get(HOME_ENV)
    if not chosen:
        return user_data_path("retouch_nb", appauthor=False)
    try:
        return Path(chosen).expanduser()
    except RuntimeError as error:
        raise HomeError(
            f"{HOME_ENV} is {chosen!r}, and nobody of that name has a home here.",
            advice="Give the whole path.",
        ) from error
