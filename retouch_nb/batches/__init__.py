"""Many photos at once: from anywhere, into one folder with one manifest, on this machine or on a Dask cluster.

`start` reads what was asked for and begins a `Run`, `foresee` makes a `Plan` of it; what users call is `retouch_nb.batch`,
which loads all this when called.
"""

import os
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retouch_nb.batches.cluster import OnCluster, check_cluster
from retouch_nb.batches.manifest import Manifest
from retouch_nb.batches.places import is_remote
from retouch_nb.batches.plan import Plan, plan
from retouch_nb.batches.run import Here, Run
from retouch_nb.batches.sources import Source, find_photos
from retouch_nb.batches.work import Recipe
from retouch_nb.contract import Operation
from retouch_nb.errors import ParameterError, PictureError, RetouchError
from retouch_nb.session import Session

if TYPE_CHECKING:
    from retouch_nb.client import Route

__all__ = ["Plan", "Run", "foresee", "start"]

AT_SERVICES = 8
"""Photos under way at a service by default: enough to use up its pace while each waits for its result."""


@dataclass(frozen=True)
class Order:
    """What was asked for, read and checked.

    Attributes
    ----------
    route : Route
        Where photos go.
    recipe, source : Recipe, Source
    folder : Path
        Of the results.
    several : int
        Photos under way at once.
    """

    route: "Route"
    recipe: Recipe
    source: Source
    folder: Path
    several: int


def start(
    session: Session,
    operation: type[Operation],
    photos: Any,
    *,
    out: str | os.PathLike[str],
    max_credits: int | None = None,
    scheduler: Any = None,
    **asked: Any,
) -> Run:
    """Start a batch in a session; parameters as of `retouch_nb.batch`."""
    order = _order(session, operation, photos, out=out, scheduler=scheduler, **asked)
    _check_first(order.recipe, order.source)
    route, several = order.route, order.several
    run = Run(
        session,
        order.recipe,
        order.source,
        Manifest(order.folder, order.recipe.facts(route.maker)),
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


def foresee(
    session: Session,
    operation: type[Operation],
    photos: Any,
    *,
    out: str | os.PathLike[str],
    max_credits: int | None = None,
    **asked: Any,
) -> Plan:
    """Say what a batch would do, and do nothing; parameters as of `retouch_nb.batch`.

    Raises
    ------
    ParameterError
        What `start` would raise, or the photos can be walked only once.
    """
    order = _order(session, operation, photos, out=out, **asked)
    if order.source.once:
        raise ParameterError(
            "Photos that can be walked only once would be used up by a plan.",
            advice="Nothing was sent. Give a list, or leave the dry run out.",
        )
    _check_first(order.recipe, order.source)
    return plan(
        session,
        order.recipe,
        order.source,
        order.folder,
        order.route,
        concurrency=order.several,
        cap=max_credits,
    )


def _order(
    session: Session,
    operation: type[Operation],
    photos: Any,
    *,
    out: str | os.PathLike[str],
    column: str | None = None,
    masks: Any = None,
    concurrency: int | None = None,
    provider: str | None = None,
    scheduler: Any = None,
    restore_outside: bool = False,
    provenance: bool = True,
    options: dict[str, Any],
) -> Order:
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
    if concurrency is not None and concurrency < 1:
        raise ParameterError(
            f"concurrency={concurrency} would do nothing.", advice="Give 1 or more."
        )
    source = find_photos(photos, column=column, masks=masks, out=folder)
    return Order(route, recipe, source, folder, concurrency or enough)


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
