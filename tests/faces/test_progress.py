"""Progress is paced, its button acts once, and what it leaves behind is static."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from retouch_nb.client import Event
from retouch_nb.widgets.progress import (
    PERIOD,
    Paced,
    Progress,
    Silence,
    TextBar,
    ending,
    news_of,
    on_stream,
)

ROOT = Path(__file__).parents[2]


class Recorder:
    """A view that remembers what it was told."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.closings: list[tuple[str | None, str]] = []

    def show(self, event: Event) -> None:
        self.states.append(event.state)

    def close(self, html: str | None, text: str) -> None:
        self.closings.append((html, text))


class Time:
    """A clock that is set by hand, and the timers that wait on it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.timers.append((self.now + seconds, action))

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        due = [action for when, action in self.timers if when <= self.now]
        self.timers = [(when, action) for when, action in self.timers if when > self.now]
        for action in due:
            action()


@pytest.fixture
def shown() -> Recorder:
    """Give a view that remembers."""
    return Recorder()


@pytest.fixture
def time() -> Time:
    """Give a clock that stands still."""
    return Time()


@pytest.fixture
def paced(shown: Recorder, time: Time) -> Paced:
    """Give a paced view on that clock."""
    return Paced(shown, clock=lambda: time.now, later=time.later)


def test_the_first_event_is_shown_at_once(paced: Paced, shown: Recorder) -> None:
    """Nobody waits for the first sign of life."""
    paced.show(Event("sending"))
    assert shown.states == ["sending"]


def test_a_burst_shows_its_last_event(paced: Paced, shown: Recorder, time: Time) -> None:
    """Of events that come faster than the period, the first and the last are seen."""
    for state in ("a", "b", "c", "d"):
        paced.show(Event(state))
    assert shown.states == ["a"]
    time.pass_by(PERIOD)
    assert shown.states == ["a", "d"]


def test_a_stream_is_shown_ten_times_a_second(paced: Paced, shown: Recorder, time: Time) -> None:
    """A thousand events in a second make about ten pictures, the last event among them."""
    for number in range(1000):
        paced.show(Event(str(number)))
        time.pass_by(0.001)
    time.pass_by(PERIOD)
    assert 9 <= len(shown.states) <= 12
    assert shown.states[-1] == "999"


def test_nothing_is_shown_after_the_end(paced: Paced, shown: Recorder, time: Time) -> None:
    """Events held or late change nothing once the view is closed, and it closes once."""
    for state in ("a", "b"):
        paced.show(Event(state))
    paced.close(None, "over")
    paced.close(None, "again")
    paced.show(Event("late"))
    time.pass_by(1)
    assert (shown.states, shown.closings) == (["a"], [(None, "over")])


def browser_says(widget: Progress, content: Any) -> None:
    """Deliver a custom message as a front end does."""
    message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
    widget.comm.handle_msg(message)


@pytest.fixture
def clicks() -> list[str]:
    """Give a list that counts the clicks acted on."""
    return []


@pytest.fixture
def widget(clicks: list[str]) -> Progress:
    """Give a widget whose button adds to that list."""
    return Progress("Enhance cat", cancel_word="Cancel", on_stop=lambda: clicks.append("stop"))


def test_a_click_is_answered_and_acted_on_once(widget: Progress, clicks: list[str]) -> None:
    """Python answers a click by changing the state, and a second click does nothing."""
    browser_says(widget, {"kind": "stop"})
    browser_says(widget, {"kind": "stop"})
    assert (widget.state, clicks) == ("stopping", ["stop"])


def test_the_answer_is_given_before_the_work_is_stopped() -> None:
    """Whoever stops the work may take long; the browser has its answer by then."""
    states: list[str] = []
    widget = Progress("x", cancel_word="Cancel", on_stop=lambda: states.append(widget.state))
    browser_says(widget, {"kind": "stop"})
    assert states == ["stopping"]


@pytest.mark.parametrize("content", [None, "stop", 7, [], {}, {"kind": "stop", "more": 1}])
def test_other_messages_change_nothing(widget: Progress, clicks: list[str], content: Any) -> None:
    """A browser is not trusted: what is not a click is ignored."""
    browser_says(widget, content)
    assert (widget.state, clicks) == ("running", [])


def test_a_click_after_the_end_does_nothing(widget: Progress, clicks: list[str]) -> None:
    """A click that was on its way when the job ended cancels nothing."""
    comm = widget.comm
    widget.finish()
    comm.handle_msg({"content": {"data": {"method": "custom", "content": {"kind": "stop"}}}})
    assert clicks == []


def test_news_say_what_the_event_says() -> None:
    """The browser gets state, progress, step, id and reason, and how long it took so far."""
    event = Event(
        "running", progress=0.5, step="sharpening", ticket="t1", detail="slow today", pause=4.0
    )
    assert news_of(event, 7.123) == {
        "state": "running",
        "progress": 0.5,
        "step": "sharpening",
        "ticket": "t1",
        "detail": "slow today",
        "pause": 4.0,
        "elapsed": 7.1,
    }


def test_what_stays_is_html_or_escaped_text_or_nothing() -> None:
    """The last picture is the given HTML; a text is escaped; no text leaves nothing to see."""
    assert ending("<b>x</b>", "x") == {"text/html": "<b>x</b>", "text/plain": "x"}
    assert "<i>" not in ending(None, "<i>")["text/html"]
    assert ending(None, "") == {"text/html": "", "text/plain": ""}


def test_a_terminal_sees_a_line_that_vanishes() -> None:
    """State, step and percent are on one line, which is cleared at the end."""
    stream = io.StringIO()
    bar = TextBar("Enhance cat", stream)
    bar.show(Event("queued"))
    bar.show(Event("running", progress=0.42, step="sharpening"))
    written = stream.getvalue()
    assert "queued" in written and "42 % |" in written and "sharpening" in written
    bar.close(None, "")
    assert stream.getvalue().endswith("\r") and "\n" not in stream.getvalue()


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def test_only_a_terminal_gets_a_line() -> None:
    """A script whose stderr goes to a file or a pipe writes nothing into it."""
    assert isinstance(on_stream("x", io.StringIO()), Silence)
    assert isinstance(on_stream("x", Terminal()), Paced)


CELL = """
from retouch_nb.client import Event
from retouch_nb.widgets.progress import view
shown = view("Enhance cat", cancel_word="Cancel", on_cancel=print)
shown.show(Event("running", progress=0.5))
shown.close({html!r}, {text!r})
"""


def test_a_notebook_keeps_static_html() -> None:
    """In a real kernel the widget's own output becomes the closing HTML, or nothing to be seen."""
    endings = [("<b>done</b>", "done"), (None, "")]
    cells = [new_code_cell(CELL.format(html=html, text=text)) for html, text in endings]
    notebook = new_notebook(cells=cells)
    client = NotebookClient(notebook, kernel_name="python3", timeout=60)
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    nbformat.validate(notebook)
    left = [[dict(output.data) for output in cell.outputs] for cell in notebook.cells]
    assert left == [
        [{"text/html": "<b>done</b>", "text/plain": "done"}],
        [{"text/html": "", "text/plain": ""}],
    ]
