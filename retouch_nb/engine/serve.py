"""The engine on a port, under uvicorn: says where it is once it is there, and leaves nothing behind when stopped."""

import contextlib
import logging
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn

from retouch_nb.engine.app import Engine
from retouch_nb.engine.deadlines import Punctual
from retouch_nb.engine.doorman import Doorman, is_own
from retouch_nb.engine.settings import SERVED, EngineSettings
from retouch_nb.engine.store import clear_abandoned
from retouch_nb.engine.work import Work

MOST_CONNECTIONS: Final = 500
"""At a time; one more is answered with 503, before the system runs out of files."""


def serve(
    host: str = "127.0.0.1",
    port: int = 8765,
    *,
    key: str | None = None,
    settings: EngineSettings = SERVED,
    work: Work | None = None,
    faults: Iterable[str] = (),
) -> None:
    """Serve until SIGINT or SIGTERM; print ``serving on http://127.0.0.1:8765`` once requests are answered.

    Parameters
    ----------
    host : str
        Where to listen; the default is reached from this machine alone.
    port : int
        0 takes a free one, which the printed line names.
    key : str, optional
        The one key that is accepted; any that is not empty when left out.
    settings : EngineSettings
        All else.
    work : mapping, optional
        Other image work, as for `Engine`.
    faults : iterable of str
        What goes wrong on purpose from the start, as `Faults.switch` reads it.

    Raises
    ------
    UnknownNameError
        There is no such fault.
    OSError
        The port is taken or the host is not this machine's.
    """
    clear_abandoned(Path(tempfile.gettempdir()))
    engine = Engine(replace(settings, key=key or settings.key), work=work)
    try:
        engine.faults.switch(faults)
        with _listening(host, port) as listener, _stoppable():
            _hush()
            _warn(listener, open_to_all=not engine.settings.key)
            _Server(engine, own=is_own(_host(listener))).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        engine.close()


class _Server(uvicorn.Server):
    def __init__(self, engine: Engine, *, own: bool) -> None:
        patience = engine.settings.head_seconds
        # Of h11's making because cutting a connection on purpose is tried with it.
        http: Any = partial(Punctual, head=patience, stall=patience)
        config = uvicorn.Config(
            Doorman(engine.app, own=own),
            http=http,
            limit_concurrency=MOST_CONNECTIONS,
            ws="none",
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
        super().__init__(config)
        self._engine = engine

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            print(f"serving on {address(listener)}", flush=True)  # noqa: T201 - it is waited for

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # First of all, so that whoever waits for a task is told and uvicorn need not wait for them.
        self._engine.close()
        await super().shutdown(sockets)


def address(listener: socket.socket, /) -> str:
    """Give the URL a listening socket is reached by."""
    host, port = _host(listener), listener.getsockname()[1]
    return f"http://{host}:{port}"


def _host(listener: socket.socket) -> str:
    return f"[{host}]" if ":" in (host := str(listener.getsockname()[0])) else host


def _warn(listener: socket.socket, *, open_to_all: bool) -> None:
    """Say loudly who else can come in, where it is not this machine alone."""
    if is_own(_host(listener)):
        return
    print(f"WARNING: {address(listener)} is open to the network, unencrypted.", file=sys.stderr)  # noqa: T201
    if open_to_all:
        print("WARNING: any key is accepted; give one with --key.", file=sys.stderr, flush=True)  # noqa: T201


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM stop as Ctrl-C does; uvicorn raises either again once it has shut down."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _hush() -> None:
    """Log failed tasks, and keep out what is no news: cuts made on purpose, and forms that senders got wrong."""
    logging.getLogger("retouch_nb").addHandler(logging.StreamHandler())
    logging.getLogger("uvicorn.error").addFilter(_unless_cut)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


def _unless_cut(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, httpx.RemoteProtocolError)
