"""The same operations as the magics, as plain functions: for scripts, for marimo, for loops."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from retouch_nb import session
from retouch_nb.contract import Operation
from retouch_nb.describe import docstring, signature
from retouch_nb.edit import Edit
from retouch_nb.job import Job
from retouch_nb.jobs import JobTable
from retouch_nb.providers import operation_named
from retouch_nb.receiver import Webhook

if TYPE_CHECKING:
    from retouch_nb.batches import Plan, Run


def function(operation: type[Operation]) -> Callable[..., Edit]:
    """Make the function that runs an operation, waits and gives the `Edit`."""

    def run(*pictures: Any, **options: Any) -> Edit:
        return submit(operation, *pictures, **options).result()

    run.__name__ = run.__qualname__ = operation.name
    run.__doc__ = docstring(operation)
    run.__signature__ = signature(operation)  # type: ignore[attr-defined]
    return run


def submit(
    operation: type[Operation] | str,
    /,
    *pictures: Any,
    provider: str | None = None,
    fresh: bool = False,
    max_credits: int | None = None,
    restore_outside: bool = False,
    explain: bool = False,
    **options: Any,
) -> Job:
    """Start an operation without waiting: await the job, or ask it for its result later.

    Parameters
    ----------
    operation : type of Operation or str
        E.g. ``Enhance`` or ``"enhance"``.
    *pictures, **options
        As for the operation's function.
    provider : str, optional
        ``"local"``, ``"cloud"`` or the service's name.
    fresh : bool
        Do it again, whatever the cache holds; a service is paid again.
    max_credits : int, optional
        Refuse to spend more than this.
    restore_outside : bool
        Put the original back outside the mask, to the last bit beyond a narrow seam.
    explain : bool
        Let the embedded engine tell how it does it, step by step: ``edit.explanation``.

    Returns
    -------
    Job
        ``await job``, ``job.result()``, ``job.cancel()``, ``job.progress``.

    Raises
    ------
    ParameterError, PictureError, UnknownNameError
        Nothing was sent.

    Examples
    --------
    >>> import numpy as np
    >>> job = submit("enhance", np.zeros((40, 60, 3), np.uint8), scale_factor=2, provider="local")
    >>> job.result().after.size
    (120, 80)
    """
    kind = operation_named(operation) if isinstance(operation, str) else operation
    return session.current().submit(
        kind(*pictures, **options),
        provider=provider,
        fresh=fresh,
        max_credits=max_credits,
        restore_outside=restore_outside,
        explain=explain,
    )


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
    dry_run: bool = False,
    detach: bool = False,
    **options: Any,
) -> "Run | Plan":
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
    dry_run : bool
        Give the `Plan`: every photo that is missing is opened and checked, and it says how many requests at what cost. Nothing is
        sent, and nothing is written.
    detach : bool
        Do not wait; give the running `Run`.
    **options
        Parameters of the operation.

    Returns
    -------
    Run or Plan
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
    from retouch_nb.batches import foresee, start  # 25 ms, for those who need it

    kind = operation_named(operation) if isinstance(operation, str) else operation
    asked: dict[str, Any] = {
        "out": out,
        "column": column,
        "masks": masks,
        "concurrency": concurrency,
        "max_credits": max_credits,
        "provider": provider,
        "scheduler": scheduler,
        "restore_outside": restore_outside,
        "provenance": provenance,
        "options": options,
    }
    if dry_run:
        return foresee(session.current(), kind, photos, **asked)
    run = start(session.current(), kind, photos, **asked)
    return run if detach else run.wait()


def webhook(public: str, *, port: int | None = None, host: str = "127.0.0.1") -> Webhook:
    """Let services call when a job is over, for those who have a domain that the service has approved.

    As long as it is open, `retouch` jobs sent to the service carry an address of their own that cannot be guessed. A
    call makes us ask at once, at the service's pace; it is not trusted, and without it jobs are asked after as usual.

    Parameters
    ----------
    public : str
        Where the service finds the receiver: https, without a query; http for this machine alone.
    port : int, optional
        Listen on this port of this machine, to which the public address must lead. Left out, nothing listens: mount
        the receiver, an ASGI application, in your own.
    host : str
        Where to listen; the default is reached from this machine alone, say through a reverse proxy.

    Returns
    -------
    Webhook
        Close it, or use it in a ``with`` statement. Opening another one closes it.

    Raises
    ------
    ParameterError
        The address is not https, or the port is taken.

    Examples
    --------
    >>> with webhook("https://photos.example.org/hooks") as receiver:
    ...     receiver
    <Webhook at https://photos.example.org/hooks/...>
    """
    return session.current().webhook(public, port=port, host=host)


def jobs() -> JobTable:
    """List all known jobs, the newest first: of this kernel, of others and of earlier ones.

    Returns
    -------
    JobTable
        A list that shows itself as a table; rows have ``.id``, ``.service``, ``.operation``, ``.state``, ``.cost``.

    Raises
    ------
    HomeError
        The journal cannot be read.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> photo = np.full((40, 60, 3), 120, np.uint8)
    >>> edit = rn.enhance(photo, scale_factor=2, provider="local", fresh=True)
    >>> rn.jobs()[0].operation, rn.jobs()[0].state
    ('enhance', 'done')
    """
    return session.current().jobs()


def resume(job_id: str) -> Job:
    """Take up a job again by its id, also after the kernel was restarted.

    Parameters
    ----------
    job_id : str
        Our own id, as `jobs` lists it.

    Returns
    -------
    Job
        ``await job``, or ``job.result()``: what was paid is not paid again.

    Raises
    ------
    UnknownNameError
        There is no such job.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> photo = np.full((40, 60, 3), 120, np.uint8)
    >>> edit = rn.enhance(photo, scale_factor=2, provider="local", fresh=True)
    >>> rn.resume(rn.jobs()[0].id).result().after.size
    (120, 80)
    """
    return session.current().resume(job_id)
