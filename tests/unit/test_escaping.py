"""Words of strangers are shown as words: no script in HTML, no orders to a terminal in text."""

import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from retouch_nb import errors
from retouch_nb.contract import Call, Price
from retouch_nb.edit import Edit
from retouch_nb.figure import page
from retouch_nb.gallery import gallery
from retouch_nb.jobs import JobRow, JobTable
from retouch_nb.layers import Layer, LayerStack
from retouch_nb.layers.pngrows import Png
from retouch_nb.magics.preview import Preview, as_curl
from retouch_nb.photo import Photo, called
from retouch_nb.providers.picwish import PICWISH, Enhance
from retouch_nb.receipt import Receipt
from retouch_nb.table import Table
from retouch_nb.widgets.progress import ending

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;"
ORDERS = "a\x1b[2J\x9b31m\x07\u202eb\r\nc"


class Elements(HTMLParser):
    """Notes the elements of a page as a browser would make them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def harmless(html: str) -> None:
    """Check that nothing of the evil words became an element or an attribute."""
    elements = Elements()
    elements.feed(html)
    for tag, attributes in elements.found:
        assert tag != "script"
        assert "onerror" not in attributes
        assert attributes.get("src") != "x"


def edit(photo: Photo, words: str) -> Edit:
    """Make a result in which everything a stranger may word says this."""
    named = replace(photo, name=called(words))
    receipt = Receipt(
        job_id="a1b2", operation=words, provider="picwish", maker=words, price=Price(2, words),
        options={words: words, "type": words}, cached=False, seconds=1.0, requests=2,
        task_id=words, finished_at=0.0, remarks=(words, words, words),
    )  # fmt: skip
    light = Png.of(np.full((48, 64, 4), 255, np.uint8))
    layer = Layer(name=words, png=light, canvas=photo.size)
    return Edit(named, named, receipt, LayerStack(photo, (layer,), notes=(words,)))


def test_results_show_words_as_words(photo: Photo) -> None:
    """In a figure, its alternative texts, the gallery of its layers and a page of its own."""
    made = edit(photo, EVIL)
    assert made.layers is not None
    harmless(made._repr_html_())
    harmless(gallery(made.layers))
    harmless(page(EVIL, made._repr_html_()))
    assert "&lt;script&gt;" in made._repr_html_()


def test_tables_endings_and_previews_show_words_as_words(photo: Photo) -> None:
    """Jobs with what a service calls them, the last line of a progress, a dry run."""
    row = JobRow(EVIL, EVIL, EVIL, EVIL, 0.0, None, EVIL, EVIL)
    for html in (
        JobTable([row])._repr_html_(),
        Table([EVIL], [[EVIL]])._repr_html_(),
        ending(None, EVIL)["text/html"],
        Preview(
            Enhance(replace(photo, name=EVIL)), EVIL, Price(1, EVIL), EVIL, EVIL, (EVIL,)
        )._repr_html_(),
    ):
        harmless(html)


@pytest.mark.parametrize("kind", [kind for kind in vars(errors).values() if isinstance(kind, type)])
def test_errors_give_no_orders_to_a_terminal(kind: Any) -> None:
    """Only our own colour stands in what a cell shows of an error, whatever its words hold."""
    if not issubclass(kind, errors.RetouchError):
        return
    error = kind(ORDERS, advice=ORDERS)
    shown = "".join(error._render_traceback_()).replace("\x1b[31m", "", 1).replace("\x1b[0m", "", 1)
    for text in (str(error), shown):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_a_dry_run_is_one_command_whatever_the_names(photo: Photo) -> None:
    """A file called as a command is an argument of curl, and nothing a shell would run."""
    named = replace(photo, name=called("$(touch x)`id`;'\"\n&"))
    told = as_curl(Enhance(named).submit(), PICWISH, "https://example.org")
    words = [part for part in told.split(" \\\n  ") if part.startswith("-F ")]
    assert len(words) == 1
    assert len(shlex.split(words[0])) == 2
    assert as_curl(Call("GET", "/a b;c"), PICWISH, "https://e.org").splitlines()[0].count("'") == 2
