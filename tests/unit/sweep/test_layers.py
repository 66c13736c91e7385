"""Opacities tuned on the layers of one request: the composite is right, free, and called what it is."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from retouch_nb.photo import Photo
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.session import Session
from retouch_nb.sweep import Grid, laid_out, prepared


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grid]:
    """Give the opacities of one step, made by the real engine from a small portrait."""
    session = Session(home=Path(tmp_path_factory.mktemp("layers")), environ={})
    named = {
        "photo": Photo.open(np.asarray(data.astronaut()[:260, 80:340])),
        "steps": "Heal 1.0; Dodge Burn 1.0",
        "layers": True,
        "Dodge Burn.Alpha1": "0:1:0.5",
    }
    made = prepared(laid_out(Retouch, named), session)
    assert isinstance(made, Grid)
    yield made.run()
    session.close()


def test_one_request_serves_all_opacities(grid: Grid) -> None:
    """Three pictures, one job."""
    assert len({edit.receipt.job_id for edit in grid}) == 1 and len(grid.session.jobs()) == 1


def test_each_picture_is_the_composite_at_its_opacity(grid: Grid) -> None:
    """As the stack itself would give it."""
    layers = grid.tiles[2].bare
    assert layers and layers.layers
    half = layers.layers.adjust("Dodge Burn", opacity=0.5).to_numpy()
    assert np.array_equal(grid[1].to_numpy(), half)
    assert np.array_equal(grid[2].to_numpy(), layers.layers.to_numpy())


def test_an_estimate_is_called_one(grid: Grid) -> None:
    """In the remarks of its receipt and on its tile, and it costs nothing."""
    receipt = grid[1].receipt
    assert receipt.remarks[0].startswith("Estimate:") and receipt.price.credits == 0
    assert "estimate, free" in grid._repr_html_()


def test_a_confirming_cell_asks_for_the_strength_itself(grid: Grid) -> None:
    """Picking the tile gives the request with that strength, not with the one that was sent."""
    assert '"Alpha1":0.5' in grid.tiles[1].magic and '"Alpha1":0.0' in grid.tiles[0].magic
