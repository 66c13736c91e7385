"""What stays of a grid: every tile with its values, within a budget of bytes, and nothing of a stranger's unescaped."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retouch_nb.mask import Mask
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance, RetouchObject
from retouch_nb.sweep.pictures import SIDES, first_guess
from retouch_nb.sweep.twin import BUDGET, twin
from tests.unit.sweep.conftest import Studio, Tuner


@pytest.fixture
def noise() -> Photo:
    """Give a photo that compresses badly."""
    pixels = np.random.default_rng(2).integers(0, 255, (600, 800, 3), np.uint8)
    return Photo.open(pixels)


def test_every_tile_stands_there_with_its_values(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """Four pictures, their labels in rows and columns, the cell of each in it."""
    html = tuner.run(Enhance, enhancement)._repr_html_()
    assert html.count("<img") == html.count('" data-state="done"') == 4
    assert html.count('scope="col"') == html.count('scope="row"') == 2
    assert 'data-magic="%enhance photo --type face --scale-factor 2"' in html
    assert 'alt="type=clean, scale_factor=2, 128 x 96"' in html


def test_one_long_row_is_folded(tuner: Tuner, photo: Photo, mask: Mask) -> None:
    """Into rows of about one length, each with its ends beside it; a tile can still be filtered out by itself."""
    named = {"photo": photo, "mask": mask, "type": ["normal"], "retouch_strength": range(6)}
    html = tuner.run(RetouchObject, named)._repr_html_()
    assert [row.count("<td") for row in html.split("<tr")[2:]] == [3, 3]
    assert "<div>type = normal</div>" in html and "type ↓" not in html
    assert "<div>0 … 2</div>" in html and "<div>3 … 5</div>" in html
    assert html.count('data-values="retouch_strength = 4"') == 1


def test_what_stands_in_a_row_fits_a_notebook(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """Two pictures beside their label: less than 740 pixels, so that nothing is cut off beside a file browser."""
    named = {**enhancement, "sync": [True, False]}
    html = tuner.run(Enhance, named)._repr_html_()
    side = int(re.findall(r"max-width:(\d+)px", html)[0])
    width = int(re.findall(r'class="retouch-shot" style="width:(\d+)px', html)[0])
    assert width > 250 and side + 2 * (width + 10) <= 740


def test_a_grid_keeps_its_budget(tuner: Tuner, noise: Photo, mask: Mask) -> None:
    """Forty pictures of pure noise, the worst there is, still fit; a page of its own may have more."""
    area = Mask.open(np.ones((600, 800), bool))
    named = {"photo": noise, "mask": area, "retouch_strength": range(8), "type": [1]}
    grid = tuner.run(RetouchObject, named)
    assert len(grid._repr_html_()) <= BUDGET
    hard = replace(grid.plan, requests=grid.plan.requests)
    assert len(hard.requests) == 8
    assert len(twin(grid, most_bytes=400_000)) <= 400_000


@pytest.mark.parametrize("count", [1, 9, 100, 2000])
def test_the_first_guess_falls_with_the_number_of_tiles(count: int) -> None:
    """More tiles are never guessed larger, and always a size there is."""
    sides = [first_guess(n, BUDGET, largest=720) for n in (count, 2 * count)]
    assert sides[0] >= sides[1] and set(sides) <= set(SIDES)


def test_a_failure_says_its_reason_and_what_to_type(
    tuner: Tuner, studio: Studio, enhancement: dict[str, Any]
) -> None:
    """In its tile, and above the table how to try again."""
    studio.fails.add("face 1")
    html = tuner.run(Enhance, enhancement)._repr_html_()
    assert (
        html.count('" data-state="failed"') == 1 and "grid.retry()" in html and "1 failed" in html
    )


def test_tiles_that_cannot_differ_say_so(tuner: Tuner, photo: Photo, mask: Mask) -> None:
    """Under the picture they share."""
    named = {"photo": photo, "mask": mask, "type": ["metal"], "retouch_strength": [0, 100]}
    html = tuner.run(RetouchObject, named)._repr_html_()
    assert html.count("cannot differ from metal, 0") == 1


def test_names_are_escaped(tuner: Tuner, photo: Photo) -> None:
    """A label may hold anything and is only ever text."""
    evil = "<script>alert(1)</script>"
    named = {"photo": {evil: photo, 'x" onload="y': Photo.open(255 - photo.to_numpy())}}
    html = tuner.run(Enhance, named)._repr_html_()
    assert evil not in html and 'x" onload' not in html


def test_the_script_is_whole_and_ends_nothing(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """It carries no module syntax, no comment lines, and cannot close its own element."""
    html = tuner.run(Enhance, enhancement)._repr_html_()
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert (
        "export" not in script
        and script.startswith("(() => {\nconst MOST = ")
        and html.endswith("</script>")
    )


def test_a_page_is_complete(tuner: Tuner, enhancement: dict[str, Any], home: Any) -> None:
    """It fetches nothing: no address but those that hold their content."""
    home.mkdir(exist_ok=True)
    path = tuner.run(Enhance, enhancement).save_html(home / "grid.html")
    text = path.read_text("utf-8")
    assert not re.search(r'(?:src|href)="(?!data:)', text) and text.startswith("<!doctype html>")
