"""The same operations as the magics, as plain functions: for scripts, for marimo, for loops."""

from collections.abc import Callable
from typing import Any

from retouch_nb import session
from retouch_nb.contract import Operation
from retouch_nb.describe import docstring, signature
from retouch_nb.edit import Edit
from retouch_nb.job import Job
from retouch_nb.jobs import JobTable
from retouch_nb.providers import operation_named
from retouch_nb.receiver import Webhook


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
    """List all known jobs, the newest first: of this kernel, of others and of earlier ones."""
    return session.current().jobs()


def resume(job_id: str) -> Job:
    """Take up a job again by its id, also after the kernel was restarted.

    Raises
    ------
    UnknownNameError
        There is no such job.
    """
    return session.current().resume(job_id)
