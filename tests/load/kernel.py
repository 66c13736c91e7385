"""Processes that run one cell each and can be killed at any moment: forked from one that has everything loaded.

Reads orders as lines of JSON, lists of cells that begin at once; answers each with a line that says how they ended.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from retouch_nb.client import Client, Route
from retouch_nb.contract import Provider
from retouch_nb.credentials import Credentials
from retouch_nb.errors import RetouchError
from tests.load.siege import PROVIDERS, operation_of

CLIENT = f"{os.sep}retouch_nb{os.sep}client{os.sep}"


class Steps:
    """Counts the lines of the client that are executed, and kills the process at one of them."""

    def __init__(self, last: int | None) -> None:
        self.taken = 0
        self._last = last

    def __call__(self, frame: Any, event: str, value: Any) -> Any:
        return self._count if CLIENT in frame.f_code.co_filename else None

    def _count(self, frame: Any, event: str, value: Any) -> Any:
        self.taken += 1
        if self.taken == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._count


def quick(provider: Provider) -> Provider:
    """Give the same service with a pace for which nobody has to wait, and which is kept all the same."""
    return replace(provider, per_second=50, polls=(0.02, 0.05))


async def run(home: str, url: str, number: int, key: str) -> dict[str, Any]:
    """Run one cell in a kernel of its own."""
    operation = operation_of(number)
    keys = {provider.key_env: key for provider in PROVIDERS}
    client = Client(Path(home), credentials=Credentials(keys, keyring=lambda: None))
    route = Route(quick(operation.provider), url, operation.provider.title)
    try:
        result = await client.run(operation, route)
    except RetouchError as error:
        return {"error": type(error).__name__, "said": str(error)}
    finally:
        client.close()
    return {"picture": result.receipt.task_id}


def child(cell: dict[str, Any], told: int) -> None:
    """Be the process of one cell; says into the pipe what came, if it lives that long."""
    last, traced = cell.pop("step", None), cell.pop("traced", False)
    cell.pop("after", None)
    steps = Steps(last)
    if traced or last:
        threading.settrace(steps)
        sys.settrace(steps)
    try:
        ended = asyncio.run(run(**cell))
    except BaseException:
        ended = {"error": "unexpected", "said": traceback.format_exc()}
    sys.settrace(None)
    os.write(told, json.dumps({**ended, "steps": steps.taken}).encode()[:60_000])
    os._exit(0)


def begun(cell: dict[str, Any]) -> tuple[int, int, float]:
    """Fork a process; give its id, where it speaks, and when to kill it."""
    hears, tells = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(hears)
        child(cell, tells)
    os.close(tells)
    return pid, hears, time.monotonic() + cell.get("after", 3600.0)


def seen_through(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run cells at once, kill those whose time comes, and say how each ended."""
    kernels = [begun(cell) for cell in cells]
    began = time.monotonic()
    ended: dict[int, float] = {}
    while len(ended) < len(kernels):
        for pid, _, end in kernels:
            if pid in ended:
                continue
            if time.monotonic() >= end:
                os.kill(pid, signal.SIGKILL)
            if os.waitpid(pid, os.WNOHANG)[0]:
                ended[pid] = time.monotonic() - began
        time.sleep(0.0005)
    return [{**_heard(hears), "seconds": ended[pid]} for pid, hears, _ in kernels]


def _heard(hears: int) -> dict[str, Any]:
    with os.fdopen(hears, "rb") as pipe:
        words = pipe.read()
    return json.loads(words) if words else {"killed": True}


def main() -> None:
    """Serve orders until there are no more."""
    for line in sys.stdin:
        print(json.dumps(seen_through(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
