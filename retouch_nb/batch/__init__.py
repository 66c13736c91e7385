"""Many photos at once: from anywhere, into one folder with one manifest, on this machine or on a Dask cluster.

`batch` reads what was asked for and starts a `Run`; nothing heavy is loaded before.
"""

import os
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retouch_nb import session as sessions
from retouch_nb.batch.cluster import OnCluster, check_cluster
from retouch_nb.batch.manifest import Manifest
from retouch_nb.batch.places import is_remote
from retouch_nb.batch.run import Here, Run
from retouch_nb.batch.sources import Source, find_photos
from retouch_nb.batch.work import Recipe
from retouch_nb.contract import Operation
from retouch_nb.errors import ParameterError, PictureError, RetouchError
from retouch_nb.providers import operation_named
from retouch_nb.session import Session

if TYPE_CHECKING:
    from retouch_nb.client import Route

__all__ = ["Run", "batch", "start"]

AT_SERVICES = 8
"""Photos under way at a service by default: enough to use up its pace while each waits for its result."""


def batch(
    operation: type[Operation] | str,
    photos: Any,
    *,
    out: str | os.PathLike[str],
    column: str | None = None,
    masks: Any = None,
    concurrency: int | None = None,
    max_credits: int | None = None,
    provider: str | None = None,
    scheduler: Any = None,
    restore_outside: bool = False,
    provenance: bool = True,
    detach: bool = False,
    **options: Any,
) -> Run:
    """Do the same to many photos, and keep a manifest of what became of each.

    A second call with the same arguments does only what is missing. One photo that fails never stops the others; what would
    stop all of them (a refused key, a full disk) ends the run.

    Parameters
    ----------
    operation : type of Operation or str
        E.g. ``Enhance`` or ``"enhance"``.
    photos : object
        A folder, a glob, an fsspec address (``s3://``, ``gs://``, ``memory://``), a list, a column of pandas, polars, pyarrow or
        ``datasets``, or such a table together with `column`.
    out : path
        Folder of the results and of ``manifest.parquet``. Names are those of the photos; other people's files are never
        overwritten.
    column : str, optional
        Which column of a table holds the photos.
    masks : object, optional
        One for all; a pattern such as ``"{stem}_mask.png"`` (``{stem}``, ``{name}``, ``{folder}`` of the photo); a function that is
        given the opened `Photo`; the name of a column; or one each.
    concurrency : int, optional
        How many photos are under way at once; 4 in the embedded engine, 8 at services, a few more than its threads on a cluster.
        A service's pace is kept whatever this says.
    max_credits : int, optional
        The most that all calls on this folder together may spend, checked before each photo is sent. Lost answers count as
        paid. Where a price is not documented nothing is sent under a cap.
    provider : str, optional
        ``"local"`` or ``"cloud"``; as for the operation's function.
    scheduler : distributed.Client, optional
        A Dask cluster that does the work. Pace and cap hold for all of it. Keys come from the environment of its workers and never
        travel; paths must be readable there.
    restore_outside : bool
        Put the originals back outside the masks, to the last bit beyond a narrow seam.
    provenance : bool
        Let JPEG, PNG and WebP results carry how they were made, as `Edit.save` does; the manifest tells it in any case.
    detach : bool
        Do not wait; give the running `Run`.
    **options
        Parameters of the operation.

    Returns
    -------
    Run
        ``run.counts``, ``run.retry("transient")``, ``run.to_frame()``, ``run.manifest``; shows itself.

    Raises
    ------
    ParameterError, PictureError, UnknownNameError
        Something is wrong for all photos; nothing was sent.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> dark, light = (np.full((40, 60, 3), value, np.uint8) for value in (60, 200))
    >>> run = batch("enhance", [dark, light], out=tempfile.mkdtemp(), scale_factor=2, provider="local")
    >>> run.counts, [row.output for row in run.rows()]
    ({'done': 2}, ['000000.png', '000001.png'])
    """
    kind = operation_named(operation) if isinstance(operation, str) else operation
    run = start(
        sessions.current(),
        kind,
        photos,
        out=out,
        column=column,
        masks=masks,
        concurrency=concurrency,
        max_credits=max_credits,
        provider=provider,
        scheduler=scheduler,
        restore_outside=restore_outside,
        provenance=provenance,
        options=options,
    )
    return run if detach else run.wait()


def start(
    session: Session,
    operation: type[Operation],
    photos: Any,
    *,
    out: str | os.PathLike[str],
    column: str | None = None,
    masks: Any = None,
    concurrency: int | None = None,
    max_credits: int | None = None,
    provider: str | None = None,
    scheduler: Any = None,
    restore_outside: bool = False,
    provenance: bool = True,
    options: dict[str, Any],
) -> Run:
    """Start a batch in a session; parameters as of `batch`."""
    route = session.route(operation, provider)
    route.check()
    folder = _folder(out)
    recipe = replace(
        Recipe.of(
            operation,
            options,
            masks=masks is not None,
            provider="local" if route.free else "cloud",
        ),
        restore_outside=restore_outside,
        provenance=provenance,
    )
    enough = _enough(session, route) if scheduler is None else check_cluster(scheduler)
    source = find_photos(photos, column=column, masks=masks, out=folder)
    _check_first(recipe, source)
    if concurrency is not None and concurrency < 1:
        raise ParameterError(
            f"concurrency={concurrency} would do nothing.", advice="Give 1 or more."
        )
    several = concurrency or enough
    run = Run(
        session,
        recipe,
        source,
        Manifest(folder, recipe.facts(route.maker)),
        maker=route.maker,
        max_credits=max_credits,
        concurrency=several,
        doer=lambda desk: (
            Here(session, route, desk, several)
            if scheduler is None
            else OnCluster(session, route, desk, scheduler)
        ),
    )
    return run.start()


def _enough(session: Session, route: "Route") -> int:
    return 2 * session.engine.settings.workers if route.free else AT_SERVICES


def _folder(out: str | os.PathLike[str]) -> Path:
    if is_remote(os.fspath(out)):
        raise ParameterError(
            f"out={os.fspath(out)!r} is an address; results and their manifest are kept in a folder of this machine.",
            advice="Nothing was sent. Give a folder, and copy it there when the run is over.",
        )
    return Path(out).expanduser()


def _check_first(recipe: Recipe, source: Source) -> None:
    """Make the request of the first photo: what is wrong with the parameters is wrong for all of them."""
    if source.once:
        return
    for item in islice(source.walk(), 1):
        try:
            recipe.request(item)
        except PictureError:
            return  # its own fault: the others are tried
        except ParameterError:
            raise
        except RetouchError:
            return
