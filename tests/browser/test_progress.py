"""Progress and its button in real front ends, while the cell that shows them is busy."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Jupyter

pytestmark = pytest.mark.browser

BUSY = """
import threading, time
from retouch_nb.client import Event
from retouch_nb.widgets.progress import view

heard, when = threading.Event(), []

def work():
    for done in range(1500):
        shown.show(Event("running", progress=done / 1500, step="sharpening", ticket="t-77"))
        if heard.wait(0.02):
            return

def cancel():
    when.append(time.time())
    heard.set()

shown = view("Enhance cat", cancel_word="Cancel", on_cancel=cancel)
worker = threading.Thread(target=work)
worker.start()
while worker.is_alive():
    worker.join(0.05)
print("heard at", *when)  # here, for what a click prints lands in no cell
shown.close("<b>Static at last</b>", "over")
"""

DEAF = """
import time
from IPython.display import display
from retouch_nb.widgets.progress import Progress

widget = Progress("Enhance cat", cancel_word="Cancel", on_stop=lambda: print("heard"))
display(widget)
with widget._lock:  # whoever hears a click waits for it
    time.sleep(30)
"""

LAST = """
import threading
from IPython.display import display
from retouch_nb.widgets.progress import Progress

heard = threading.Event()
widget = Progress("Enhance cat", cancel_word="Cancel", on_stop=heard.set)
display(widget)
widget.send_state()  # from now on ipykernel would send it every click to this shell, which does not listen
print("the button", "works" if heard.wait(30) else "is dead")
"""


def start(page: Page, jupyter: "Jupyter", name: str, code: str, app: str = "lab/tree") -> None:
    """Run a notebook of one cell, and go on while it runs."""
    jupyter.write(f"{name}.ipynb", new_code_cell(code))
    jupyter.open(page, f"{name}.ipynb", app=app)
    jupyter.run(page)


def click(page: Page) -> None:
    """Stop with the mouse."""
    page.get_by_role("button", name="Cancel").click()


def press_enter(page: Page) -> None:
    """Stop with the keyboard."""
    page.get_by_role("button", name="Cancel").press("Enter")


@pytest.mark.parametrize(("app", "cancel"), [("lab/tree", click), ("notebooks", press_enter)])
def test_a_busy_cell_shows_progress_and_hears_the_button(
    chromium: Page, jupyter: "Jupyter", app: str, cancel: Callable[[Page], Any]
) -> None:
    """While a cell blocks, progress rises, a click reaches Python within a second, and static HTML stays."""
    start(chromium, jupyter, "busy", BUSY, app=app)
    bar = chromium.get_by_role("progressbar", name="Enhance cat")
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"\d+"))
    percent = bar.get_attribute("aria-valuenow")
    expect(bar).not_to_have_attribute("aria-valuenow", percent)
    assert int(bar.get_attribute("aria-valuenow")) > int(percent)
    expect(chromium.get_by_text("task t-77")).to_be_visible()
    before = time.time()
    cancel(chromium)
    outputs = chromium.locator(".jp-OutputArea-output")
    heard = outputs.filter(has_text="heard at ").inner_text()
    assert before < float(heard.split()[-1]) < before + 1
    expect(outputs.filter(has_text="Static at last")).to_be_visible()
    expect(bar).to_have_count(0)


def test_a_click_is_heard_though_the_busy_cell_published_last(
    chromium: Page, jupyter: "Jupyter"
) -> None:
    """Else every click that comes while news are being published would be lost, and the kernel interrupted."""
    start(chromium, jupyter, "last", LAST)
    click(chromium)
    expect(chromium.get_by_text("the button works", exact=True)).to_be_visible(timeout=10_000)


def test_a_kernel_that_cannot_hear_is_interrupted(chromium: Page, jupyter: "Jupyter") -> None:
    """While Python says nothing, the time goes on; when it does not answer a click, the browser interrupts the kernel."""
    start(chromium, jupyter, "deaf", DEAF)
    expect(chromium.locator(".retouch-progress-time")).to_have_text("0:02")
    click(chromium)
    expect(chromium.get_by_text("KeyboardInterrupt").first).to_be_visible(timeout=10_000)


def test_a_job_whose_kernel_is_gone_does_not_seem_to_run(
    chromium: Page, jupyter: "Jupyter"
) -> None:
    """After a restart the time stands still, and the person is told where to look."""
    start(chromium, jupyter, "gone", DEAF)
    time = chromium.locator(".retouch-progress-time")
    expect(time).to_have_text("0:01")
    chromium.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(chromium.locator(".retouch-progress-status")).to_contain_text("%retouch_nb jobs")
    expect(chromium.get_by_role("button", name="Cancel")).to_be_disabled()
