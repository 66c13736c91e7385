"""One photo from beginning to end: opened, made into a checked request, retouched. The same here and on another machine."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retouch_nb.batches.manifest import Row
from retouch_nb.batches.sources import Item
from retouch_nb.contract import Operation
from retouch_nb.errors import ParameterError
from retouch_nb.files import write_whole
from retouch_nb.params import params
from retouch_nb.photo import FORMATS, Photo
from retouch_nb.provenance import carries, inscribed
from retouch_nb.session import Session, check_restorable, named, put_back

if TYPE_CHECKING:
    from retouch_nb.client import Client, Entry, Event, Result, Route


@dataclass(frozen=True)
class Recipe:
    """What is done to every photo.

    Attributes
    ----------
    operation : type of Operation
    options : mapping
        Its parameters, all but photo and mask.
    provider : str
        ``"local"`` or ``"cloud"``: decided once, so that no photo goes elsewhere.
    restore_outside : bool
        The original is put back outside the masks.
    provenance : bool
        Results that can carry it hold how they were made.
    """

    operation: type[Operation]
    options: Mapping[str, Any] = field(default_factory=dict)
    provider: str = "local"
    restore_outside: bool = False
    provenance: bool = True

    @classmethod
    def of(
        cls, operation: type[Operation], options: Mapping[str, Any], *, masks: bool, provider: str
    ) -> "Recipe":
        """Check all that does not depend on the single photo; pictures among the options are opened once.

        Raises
        ------
        ParameterError
            An unknown option, a value that is not accepted, masks for what takes none, no masks for what needs them.
        """
        known = {param.name: param for param in params(operation) if param.name != "photo"}
        for name in options:
            if name not in known or name == "mask":
                raise _no_option(operation, name, [n for n in known if n != "mask"])
        if masks and "mask" not in known:
            raise ParameterError(
                f"{operation.name} takes no mask.", advice="Nothing was sent. Leave masks out."
            )
        _check_complete(known, operation, options, masks=masks)
        values = {name: _value(known[name], given) for name, given in options.items()}
        return cls(operation, values, provider)

    def facts(self, maker: str) -> dict[str, Any]:
        """Write the recipe down: what makes the results of a folder one set."""
        back = {"restore_outside": True} if self.restore_outside else {}
        return {"operation": self.operation.name, "maker": maker, **self.written(), **back}

    def written(self) -> dict[str, Any]:
        """Give the options that change the picture as JSON knows them; pictures by their hash."""
        known = {param.name: param for param in params(self.operation)}
        return {
            name: getattr(value, "digest", None) or _jsonable(value)
            for name, value in sorted(self.options.items())
            if value != known[name].default and not known[name].delivery
        }

    def request(self, item: Item) -> Operation:
        """Open a photo and its mask and make the checked request."""
        photo, mask = item.open()
        masks = {} if mask is None else {"mask": mask}
        request = self.operation(photo, **masks, **self.options)  # type: ignore[call-arg]
        if self.restore_outside:
            check_restorable(request)
        return request


def _check_complete(
    known: Mapping[str, Any], operation: type[Operation], options: Mapping[str, Any], *, masks: bool
) -> None:
    given = {*options, *(["mask"] if masks else [])}
    missing = [name for name, param in known.items() if param.required and name not in given]
    if missing:
        name = "masks" if missing[0] == "mask" else missing[0]
        raise ParameterError(
            f"{operation.name} needs {name}.", advice=f"Nothing was sent. Pass {name}=...."
        )


def _no_option(operation: type[Operation], name: str, known: list[str]) -> ParameterError:
    advice = "Pass masks=... for all photos." if name == "mask" else f"Known: {', '.join(known)}."
    return ParameterError(
        f"{operation.name} takes no {name!r} here.", advice=f"Nothing was sent. {advice}"
    )


def _value(param: Any, given: Any) -> Any:
    if not param.picture or given is None:
        return param.read(given)
    return Photo.open(given) if param.type is Photo else given


def _jsonable(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


@dataclass(frozen=True)
class Product:
    """What came of one photo.

    Attributes
    ----------
    facts : mapping
        Columns of its row.
    picture : bytes
        The result; empty where the kept one still stands.
    ending : str
        Of its file.
    layers : bytes
        The ZIP of layers, where there is one.
    """

    facts: Mapping[str, Any]
    picture: bytes = field(default=b"", repr=False)
    ending: str = ""
    layers: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Attempt:
    """One go at one photo.

    Attributes
    ----------
    recipe, item : Recipe, Item
    row : Row
        What is known of it.
    fresh : bool
        Send and pay again, whatever became of the last time.
    max_credits : int or None
        The most that one photo may cost.
    """

    recipe: Recipe
    item: Item
    row: Row
    fresh: bool = False
    max_credits: int | None = None


async def retouch(
    session: Session,
    client: "Client",
    route: "Route",
    attempt: Attempt,
    *,
    permit: "Callable[[Entry], Awaitable[object]]",
    watch: "Callable[[Event], None]",
    place: AbstractAsyncContextManager[object] | None = None,
) -> Product:
    """Do one photo; it takes a place only while it is at the service, not while it is opened and finished here.

    A task that another machine is known to have started is taken up, not begun anew.

    Raises
    ------
    RetouchError
        Whatever went wrong.
    """
    request = await asyncio.to_thread(attempt.recipe.request, attempt.item)
    facts = given_to(request, route.maker)
    row = attempt.row
    if is_same(row, facts):
        return Product({})
    if row.task_id and row.sent_by and not attempt.fresh:
        until = row.sent_at and row.sent_at + route.provider.result_hours * 3600
        client.adopt(request, route, ticket=row.task_id, expires_at=until)
    async with place or nullcontext():
        with named(route):
            result = await client.run(
                request,
                route,
                fresh=attempt.fresh,
                max_credits=attempt.max_credits,
                patience=session.settings.patience,
                permit=permit,
                watch=watch,
            )
    return await asyncio.to_thread(_product, session, attempt.recipe, request, result, facts)


def is_same(row: Row, facts: Mapping[str, Any]) -> bool:
    """Tell whether a photo is done already, with this very picture and mask."""
    sent = (row.photo_sha256, row.mask_sha256)
    return row.state == "done" and sent == (facts["photo_sha256"], facts["mask_sha256"])


def given_to(request: Operation, maker: str) -> dict[str, Any]:
    """Write down what is sent, to whom."""
    photo, mask = request.photo, getattr(request, "mask", None)
    known = isinstance(photo, Photo)
    return {
        "operation": request.name,
        "provider": request.provider.name,
        "maker": maker,
        "parameters": json.dumps(request.changed(), default=str),
        "photo_sha256": photo.digest,
        "photo_bytes": len(photo.data) if known else None,
        "photo_width": photo.size[0] if known else None,
        "photo_height": photo.size[1] if known else None,
        "mask_sha256": mask.digest if mask is not None else "",
    }


def _product(
    session: Session,
    recipe: Recipe,
    request: Operation,
    result: "Result",
    given: Mapping[str, Any],
) -> Product:
    edit = session.edit(request, result)
    edit = put_back(edit) if recipe.restore_outside else edit
    after, receipt = edit.after, edit.receipt
    kept = recipe.provenance and carries(after.data)
    data = inscribed(after.data, edit.record) if kept else after.data
    facts = {
        **given,
        "output_sha256": hashlib.sha256(data).hexdigest(),
        "output_bytes": len(data),
        "output_width": after.size[0],
        "output_height": after.size[1],
        "job_id": receipt.job_id,
        "task_id": receipt.task_id,
        "credits": receipt.price.credits,
        "cost": receipt.cost,
        "cached": receipt.cached,
        "requests": receipt.requests,
        "seconds": round(receipt.seconds, 4),
        "remarks": " ".join(receipt.remarks),
    }
    layers = result.data if result.kind == "zip" else b""
    return Product(facts, data, FORMATS[after.format], layers)


def keep(folder: Path, row: Row, product: Product) -> str:
    """Write a result, whole or not at all, and give its name in the folder.

    Raises
    ------
    OSError
        The disk is full, or the folder is gone.
    """
    name = f"{row.name}.{product.ending}"
    _write(folder / name, product.picture)
    if product.layers:
        _write(folder / f"{row.name}.layers.zip", product.layers)
    if row.output and row.output != name:
        (folder / row.output).unlink(missing_ok=True)
    return name


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, data)
