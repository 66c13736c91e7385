"""Everything an operation needs, put together: settings, client, and the network or the embedded engine.

There is one session a process, `current`; the client and the engine load when first used.
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retouch_nb.config import Retouch, home_folder
from retouch_nb.contract import Operation, Provider
from retouch_nb.credentials import Credentials, Environment
from retouch_nb.doubt import Choice, ask_whoever_is_there, choose
from retouch_nb.drift import Drift, look, restored
from retouch_nb.edit import Edit
from retouch_nb.errors import (
    CredentialsError,
    ParameterError,
    PictureError,
    RetouchError,
    ServiceError,
    StoppedError,
    UnknownNameError,
    UnknownOutcomeError,
)
from retouch_nb.explanation import Recorder
from retouch_nb.job import Job, View
from retouch_nb.jobs import JobRow, JobTable, may_wait
from retouch_nb.layers import LayerStack
from retouch_nb.loop import Background
from retouch_nb.photo import Photo
from retouch_nb.providers import operation_named
from retouch_nb.receipt import ENGINE as ENGINE
from retouch_nb.receipt import Receipt
from retouch_nb.receiver import Webhook

if TYPE_CHECKING:
    from retouch_nb.client import Client, Entry, Event, Result, Route
    from retouch_nb.engine import Engine


class Session:
    """One place for what all cells share.

    Parameters
    ----------
    settings : Retouch, optional
        What ``%config Retouch`` changes.
    home : Path, optional
        Folder of journal and cache.
    environ : mapping, optional
        Where keys and addresses are looked for.
    view : callable, optional
        Makes what shows a job while it is waited for; None shows nothing.
    ask : callable, optional
        Asks a person what to do about a request that may be paid; nobody is asked when left out.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from retouch_nb.providers.picwish import Inpaint
    >>> session = Session(home=Path(tempfile.mkdtemp()), environ={})
    >>> photo = np.full((48, 64, 3), 200, np.uint8)
    >>> photo[20:28, 30:38] = 0
    >>> edit = session.run(Inpaint(photo, rectangles=[(28, 18, 12, 12)]))
    >>> int(edit.to_numpy().min())
    200
    >>> session.close()
    """

    def __init__(
        self,
        settings: Retouch | None = None,
        *,
        home: Path | None = None,
        environ: Mapping[str, str] = os.environ,
        view: Callable[[Job], View | None] | None = None,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        environ = Environment(environ)
        self.settings = settings or Retouch()
        self.home = home or home_folder(environ)
        self.environ = environ
        self.credentials = Credentials(environ)
        self.view = view or _unseen
        self.ask = ask
        self.background = Background()
        self._receiver: Webhook | None = None
        self.settings.observe(self._switch_faults, "faults")

    def submit(
        self,
        operation: Operation,
        *,
        provider: str | None = None,
        fresh: bool = False,
        max_credits: int | None = None,
        restore_outside: bool = False,
        explain: bool = False,
    ) -> Job:
        """Start an operation and give the running job.

        Parameters
        ----------
        operation : Operation
            What to do; made and thereby checked before.
        provider : str, optional
            ``"local"`` for the embedded engine, ``"cloud"`` or the service's name for the service; the setting
            ``backend`` decides when left out.
        fresh : bool
            Do it again and pay again, whatever the cache holds.
        max_credits : int, optional
            Refuse a task that costs more; the setting ``max_credits`` when left out.
        restore_outside : bool
            Put the original back outside the mask, to the last bit beyond a narrow seam.
        explain : bool
            Let the embedded engine tell how it does it, step by step; it then does it anew, whatever the cache holds.

        Raises
        ------
        UnknownNameError
            There is no such provider.
        ParameterError
            There is no mask to restore the outside of.
        """
        if restore_outside:
            check_restorable(operation)
        route, recorder = self.route(operation, provider), Recorder() if explain else None
        if recorder and route.free:
            route, fresh = self._engine_route(operation.provider, recorder), True
        cap = self.settings.max_credits if max_credits is None else max_credits
        job_id = secrets.token_hex(4)
        operation = self._hooked(operation, route, job_id)

        async def work(watch: "Callable[[Event], None]") -> Edit:
            with named(route):
                result = await self.client.run(
                    operation,
                    route,
                    job_id=job_id,
                    fresh=fresh,
                    max_credits=cap,
                    patience=self.settings.patience,
                    watch=watch,
                )
            edit = await asyncio.to_thread(self.edit, operation, result)
            if recorder:
                edit = replace(edit, explanation=recorder.explanation(route.maker, told=route.free))
            return await asyncio.to_thread(put_back, edit) if restore_outside else edit

        again = partial(
            self.submit,
            operation,
            provider=provider,
            fresh=True,
            max_credits=max_credits,
            restore_outside=restore_outside,
            explain=explain,
        )
        decide = partial(self._decide, service=operation.provider, again=again)
        return self._job(job_id, operation, route, decide=decide).start(work, self.background)

    def run(self, operation: Operation, **options: Any) -> Edit:
        """Start an operation, wait for it, and give the result; options as in `submit`."""
        return self.submit(operation, **options).result()

    def resume(self, job_id: str, task_id: str = "") -> Job:
        """Take up a job again by its id, also one of an earlier kernel.

        With `task_id`, the service's own, also one that is unknown here and was found there.

        Raises
        ------
        UnknownNameError
            The journal has no such job.
        """
        row = self.client.find(job_id)
        operation = operation_named(row.operation).detached()
        route = self.route(operation, "local" if row.free else "cloud")

        async def work(watch: "Callable[[Event], None]") -> Edit:
            result = await self.client.resume(job_id, operation, route, ticket=task_id, watch=watch)
            return await asyncio.to_thread(self.edit, operation, result)

        return self._job(job_id, operation, route).start(work, self.background)

    def jobs(self) -> JobTable:
        """List the jobs of the journal, the newest first."""
        return JobTable(_row(entry) for entry in self.client.jobs())

    def waiting(self) -> JobTable:
        """List the paid jobs that nobody waits for and whose result nobody has seen; none where that cannot be told."""
        if not may_wait(self.home):
            return JobTable()
        with suppress(RetouchError):
            return JobTable(_row(entry) for entry in self.client.journal.waiting())
        return JobTable()

    def route(self, operation: Operation | type[Operation], provider: str | None = None) -> "Route":
        """Decide where an operation goes: the embedded engine or the service."""
        service = operation.provider
        choice = provider or self.settings.backend
        if choice == "auto":
            choice = "cloud" if self.credentials.find(service) else "local"
        if choice == "local":
            return self._engine_route(service)
        if choice in {"cloud", service.name}:
            return self._service_route(service)
        known = ["local", "cloud", service.name]
        raise UnknownNameError.among(choice, known, what=f"provider of {operation.name}")

    def forget(self, job_id: str) -> str:
        """Drop a job from the journal and give its id at the service; what was unknown may be sent and paid again."""
        return self.client.forget(job_id)

    def balance(self, service: Provider) -> str:
        """Ask a service what is left on the account, in words.

        Raises
        ------
        CredentialsError, UnreachableError, ProtocolError
            There is no key, no answer, or no sense in it.
        """
        if service.balance is None:
            return f"not told by the service; see {service.key_page}"
        teller = replace(service, **service.balance.elsewhere)
        if self.environ.get(service.base_env) and not self.environ.get(teller.base_env):
            return f"not asked: the key is for {service.base_env}, so {teller.base_env} must be set too"
        route = self._service_route(teller)
        asked = self.client.ask(service.balance.call, route)
        answer = self.background.result(asked)
        status = answer.json().get("status", 200) if answer.status == 200 else answer.status
        if status in service.balance.refused:
            raise CredentialsError(
                f"{service.title} refused the key ({status}).",
                advice=f"%retouch_nb login {service.name}",
            )
        if answer.status != 200:
            raise ServiceError(
                f"{service.title} did not tell the balance (HTTP {answer.status}).",
                code=str(answer.status),
            )
        return service.balance.read(answer.json())

    def cache_size(self) -> int:
        """How much disk cached results take, in bytes."""
        return self.client.cache.size()

    def clear_cache(self) -> None:
        """Remove all cached results."""
        self.client.cache.clear()

    @cached_property
    def client(self) -> "Client":
        """The client, made when first needed."""
        from retouch_nb.client import Client  # loads httpx

        return Client(
            self.home,
            credentials=self.credentials,
            cache_bytes=int(self.settings.cache_gigabytes * 1e9),
        )

    @cached_property
    def engine(self) -> "Engine":
        """The embedded engine, made when first needed."""
        from retouch_nb.engine import Engine, EngineSettings  # loads Starlette

        model = self.settings.removal_model
        made = Engine(
            EngineSettings(
                rate_limit=False,
                allow_private_urls=self.settings.private_addresses,
                model=Path(model).expanduser() if model else None,
            )
        )
        made.faults.switch(self.settings.faults)
        return made

    def webhook(self, public: str, *, port: int | None = None, host: str = "127.0.0.1") -> Webhook:
        """Open a receiver of services' calls; see `retouch_nb.webhook`."""
        if self._receiver is not None:
            self._receiver.close()

        def heard(job_id: str) -> None:
            self.background.call(lambda: self.client.wake(job_id))

        receiver = Webhook(public, heard=heard)
        if port is not None:
            receiver.serve(self.background, host=host, port=port)
        self._receiver = receiver
        return receiver

    def close(self) -> None:
        """Stop the background loop, the client and the engine; the session starts anew when used again."""
        if self._receiver is not None:
            self._receiver.close()
        self.background.close()
        for part in ("client", "engine"):
            made = self.__dict__.pop(part, None)
            if made is not None:
                made.close()

    def _hooked(self, operation: Operation, route: "Route", job_id: str) -> Operation:
        """Ask the service to call when it is over, where it can and somebody listens."""
        receiver = self._receiver
        if receiver is None or not receiver.is_open or route.free:
            return operation
        if getattr(operation, "hook", "none such") is not None:
            return operation
        return operation.replaced(hook=receiver.address(job_id))

    def _switch_faults(self, change: Mapping[str, Any]) -> None:
        self.engine.faults.switch(change["new"])

    def _job(
        self,
        job_id: str,
        operation: Operation,
        route: "Route",
        *,
        decide: Callable[[UnknownOutcomeError], Job | None] = lambda error: None,
    ) -> Job:
        view = self.view if self.settings.progress else _unseen
        return Job(
            job_id, operation, route.maker, really_cancels=route.free, view=view, decide=decide
        )

    def _decide(
        self, error: UnknownOutcomeError, *, service: Provider, again: Callable[[], Job]
    ) -> Job | None:
        """Let a person decide about a request that may be paid already; None where nobody does."""
        choice = choose(error, ask=self.ask, look=lambda: self._told(service))
        if choice is Choice.AGAIN:
            return again()
        if choice is Choice.LOST:
            self.forget(error.job_id)
            raise StoppedError(
                f"Job {error.job_id} counts as lost.",
                advice="Nothing was sent. Run the cell again to send it, and to pay.",
                job_id=error.job_id,
            )
        return None

    def _told(self, service: Provider) -> str:
        """Tell what is left on the account, or why that is not known."""
        try:
            return f"{service.title}: {self.balance(service)}"
        except RetouchError as error:
            return f"{service.title} does not tell the balance now: {error.what}"

    def edit(self, operation: Operation, result: "Result") -> Edit:
        """Make of a result what a cell returns: its layers composited, named like the photo it came from."""
        given = getattr(operation, "photo", None)
        before = given if isinstance(given, Photo) else None
        layers = self._layers(result, before, operation) if result.kind == "zip" else None
        after = result.photo if layers is None else layers.composite()
        drift = _drift(operation, before, after) if before else None
        return Edit(
            before,
            replace(after, name=given.name if given else operation.name),
            _remarked(result.receipt, drift),
            layers,
            operation.area(),
            self.settings.preview,
            drift,
            operation if before else None,
        )

    def _layers(self, result: "Result", before: Photo | None, operation: Operation) -> LayerStack:
        if before is None:
            raise PictureError(
                "The result is a ZIP of layers, and the photo they lie on is not at hand.",
                advice=f"Read it with LayerStack.from_zip({str(result.path)!r}, base=photo).",
            )
        try:
            stack = LayerStack.from_zip(result.path, before, tasks=operation.tasks())
            return replace(stack, request=operation.request())
        except ServiceError as error:
            error.provider, error.code = result.receipt.maker, error.code or "unusable"
            error.ticket = result.receipt.task_id
            raise

    def _engine_route(self, service: Provider, note: Recorder | None = None) -> "Route":
        from retouch_nb.client.embedded import embedded  # loads httpx

        return embedded(service, self.engine.app, self.engine.version, note=note)

    def _service_route(self, service: Provider) -> "Route":
        from retouch_nb.client import Route  # loads httpx

        base_url = self.environ.get(service.base_env) or service.base_url
        return Route(
            service,
            base_url.rstrip("/"),
            service.title,
            keep_metadata=self.settings.keep_metadata,
        )


def _drift(operation: Operation, before: Photo, after: Photo) -> Drift:
    """Measure what should be the same; under a mask that the service fetches itself, that is not known."""
    area = operation.area()
    unknown = area is None and operation.has_area()
    size, coloured = operation.result_size(), operation.recolours or unknown
    return look(before, after, area, size=size, coloured=coloured)


def _remarked(receipt: Receipt, drift: Drift | None) -> Receipt:
    return replace(receipt, remarks=receipt.remarks + drift.remarks) if drift else receipt


def check_restorable(operation: Operation) -> None:
    """Raise `ParameterError` where there is no mask outside of which the original could be put back."""
    if operation.area() is None:
        raise ParameterError(
            f"{operation.name} has no mask at hand outside of which the original could be put back.",
            advice="Nothing was sent. Leave --restore-outside out.",
        )


def put_back(edit: Edit) -> Edit:
    """Put the original back outside the mask, and say so instead of what it mends."""
    assert edit.before
    assert edit.mask
    after, seam = restored(edit.before, edit.after, edit.mask)
    found = edit.drift.remarks if edit.drift else ()
    told = tuple(remark for remark in edit.receipt.remarks if remark not in found)
    still = look(edit.before, after, edit.mask, size=edit.before.size).remarks
    done = f"The original was put back outside the mask; the seam is {seam} pixels wide."
    receipt = replace(edit.receipt, remarks=(*told, done, *still))
    return replace(edit, after=after, receipt=receipt, restored=True)


@contextmanager
def named(route: "Route") -> Iterator[None]:
    """Let errors name the embedded engine, where it was the one that answered."""
    try:
        yield
    except ServiceError as error:
        if route.free:
            error.answered_by(f"The {route.maker}")
        raise


def _row(entry: "Entry") -> JobRow:
    return JobRow(
        entry.id,
        entry.maker,
        entry.operation,
        str(entry.state),
        entry.created_at,
        entry.expires_at,
        entry.cost,
        entry.ticket,
    )


def _unseen(job: Job) -> View | None:
    """Show nothing."""
    return None


default_view: Callable[[Job], View | None] = _unseen
"""What shows the jobs of the current session; the package sets it, for widgets are built on this module."""

_current: Session | None = globals().get("_current")  # survives being reloaded


def current() -> Session:
    """Give the session of this process, made when first asked for.

    Examples
    --------
    >>> current() is current()
    True
    """
    global _current
    if _current is None:
        _current = Session(view=lambda job: default_view(job), ask=ask_whoever_is_there)
    return _current


def _leave_to_parent() -> None:
    """Begin anew in a process that was forked: threads, connections and locks stay with the parent."""
    global _current
    if _current is not None:
        left = _current
        _current = Session(
            left.settings, home=left.home, environ=left.environ, view=left.view, ask=left.ask
        )
        _current.credentials = left.credentials
        _LEFT.append(left)


_LEFT: list[Session] = []
"""Kept for good: SQLite must not close in a child what its parent has opened."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
