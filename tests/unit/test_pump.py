"""Clicks reach a waiting cell on an old kernel, and the kernel is as it was."""

import ast
import asyncio
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import retouch_nb
from retouch_nb.pump import _Pump, clicks, needed

ROOT = Path(__file__).parents[2]


class Kernel:
    """The parts of an ipykernel 6 that are touched."""

    def __init__(self) -> None:
        self.io_loop = SimpleNamespace(asyncio_loop=asyncio.new_event_loop())
        self.shell_stream = SimpleNamespace(flush=lambda: None)
        self.msg_queue: asyncio.Queue[object] = asyncio.Queue()
        self.session = SimpleNamespace(
            feed_identities=lambda frames, copy: (b"", frames), unpack=lambda raw: {"msg_type": raw}
        )
        self._parent_ident = {"shell": b"cell"}
        self.parent = "cell"
        self.handled: list[str] = []

    def get_parent(self, channel: str) -> str:
        return self.parent

    def set_parent(self, ident: bytes, parent: str, channel: str) -> None:
        self.parent = parent

    def receive(self, kind: str) -> None:
        async def dispatch(frames: list[SimpleNamespace]) -> None:
            self.parent = kind
            self.handled.append(kind)

        self.msg_queue.put_nowait((0, dispatch, ([None, SimpleNamespace(bytes=kind)],)))

    def waiting(self) -> list[str]:
        items = [self.msg_queue.get_nowait() for _ in range(self.msg_queue.qsize())]
        return [item[2][0][1].bytes for item in items]


def test_clicks_are_delivered_and_cells_wait_in_their_order() -> None:
    """A click reaches Python at once; queued cells run later, the earlier one first."""
    kernel = Kernel()
    pump = _Pump(kernel)
    for kind in ("execute_request", "comm_msg", "execute_reply"):
        kernel.receive(kind)
    pump.deliver()
    kernel.receive("later")
    pump.restore()
    assert kernel.handled == ["comm_msg"]
    assert kernel.waiting() == ["execute_request", "execute_reply", "later"]


def test_output_still_belongs_to_the_waiting_cell() -> None:
    """After a click what is printed appears below the cell that waits."""
    kernel = Kernel()
    pump = _Pump(kernel)
    kernel.receive("comm_msg")
    pump.deliver()
    assert kernel.parent == "cell"


ROUND = """
from retouch_nb.pump import _Pump
from tests.unit.test_pump import Kernel

kernel = Kernel()
loop, done = kernel.io_loop.asyncio_loop, []

def cell():
    pump = _Pump(kernel)
    kernel.receive("comm_msg")
    pump.deliver()
    done.append("cell")
    loop.call_later(0, loop.stop)

loop.call_soon(cell)
loop.call_soon(done.append, "what came after the cell")
loop.run_forever()
print(kernel.handled, done)
"""


def test_the_loop_survives_that_its_round_is_done_by_another() -> None:
    """A round that began before nest-asyncio came counts what it has to do; missing some of it, it ended the kernel."""
    ended = subprocess.run(
        [sys.executable, "-c", ROUND], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.stdout == "['comm_msg'] ['what came after the cell', 'cell']\n", ended.stderr


def test_an_unreadable_message_is_left_to_the_kernel() -> None:
    """What cannot be told is never dropped."""
    kernel = Kernel()
    kernel.receive("comm_msg")
    kernel.session.unpack = lambda raw: 1 / 0
    pump = _Pump(kernel)
    pump.deliver()
    pump.restore()
    assert kernel.handled == []
    assert kernel.msg_queue.qsize() == 1


@pytest.mark.parametrize("kernel", [(7, 0, 0), (7, 3, 0), (7, 4, 0), (8, 0, 0)])
def test_it_is_never_applied_on_newer_kernels(kernel: tuple[int, ...]) -> None:
    """On ipykernel 7 nest-asyncio loses queued cells without a word."""
    assert not needed(kernel, (3, 11, 7))


def test_it_is_never_applied_on_python_3_14() -> None:
    """There it breaks asyncio for everybody in the process."""
    assert not needed((6, 31, 0), (3, 14, 0))
    assert needed((6, 31, 0), (3, 13, 9))


def test_outside_a_kernel_nothing_happens() -> None:
    """In a script the waiting loop has nothing to deliver."""
    with clicks() as deliver:
        deliver()


def test_nest_asyncio_is_imported_in_one_place() -> None:
    """No other module of the package touches it."""
    package = Path(retouch_nb.__file__).parent
    users = [
        path.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import) and any(name.name == "nest_asyncio" for name in node.names)
    ]
    assert users == ["pump.py"]
