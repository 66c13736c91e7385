"""A grid runs what is missing, keeps failures in their tiles, and is looked at from any side without a call."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retouch_nb.errors import BudgetError, ParameterError, RetouchError, UnknownNameError
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance, RetouchObject
from retouch_nb.sweep import Grid
from tests.unit.sweep.conftest import Studio, Tuner


@pytest.fixture
def grid(tuner: Tuner, enhancement: dict[str, Any]) -> Grid:
    """Give a finished grid of type by scale factor."""
    return tuner.run(Enhance, enhancement)


def sizes(grid: Grid) -> list[int]:
    return [edit.after.size[0] for edit in grid]


def test_every_combination_is_made_once(grid: Grid, studio: Studio) -> None:
    """In any order of asking, each stands in its place."""
    assert sorted(studio.asked) == ["clean 1", "clean 2", "face 1", "face 2"]
    assert [str(tile) for tile in grid.tiles][2] == "type=face, scale_factor=1"
    assert sizes(grid) == [64, 128, 64, 128]


def test_a_second_run_asks_for_nothing(
    tuner: Tuner, grid: Grid, studio: Studio, enhancement: dict[str, Any]
) -> None:
    """The same cell again is all from the cache."""
    again = tuner.run(Enhance, enhancement)
    assert len(studio.asked) == 4 and all(edit.receipt.cached for edit in again)


def test_merged_tiles_share_one_result(
    tuner: Tuner, photo: Photo, mask: Mask, studio: Studio
) -> None:
    """Strengths that have no effect are asked for once, and all their tiles hold the same edit."""
    named = {"photo": photo, "mask": mask, "type": ["metal"], "retouch_strength": [0, 50, 100]}
    grid = tuner.run(RetouchObject, named)
    assert len(studio.asked) == 1 and grid[0] is grid[1] is grid[2]


def test_a_failure_stays_in_its_tile(
    tuner: Tuner, studio: Studio, enhancement: dict[str, Any]
) -> None:
    """The others are made; the failed one says why when it is asked for its result."""
    studio.fails.add("face 1")
    grid = tuner.run(Enhance, enhancement)
    assert [tile.state for tile in grid.tiles] == ["done", "done", "failed", "done"]
    with pytest.raises(RetouchError):
        grid[2]


def test_a_retry_asks_for_what_failed_and_nothing_else(
    tuner: Tuner, studio: Studio, enhancement: dict[str, Any]
) -> None:
    """After it the grid is whole."""
    studio.fails.add("face 1")
    grid = tuner.run(Enhance, enhancement)
    studio.fails.clear()
    studio.asked.clear()
    grid.retry()
    assert studio.asked == ["face 1"] and not grid.failed and not grid.missing


def test_turning_and_cutting_costs_no_call(grid: Grid, studio: Studio) -> None:
    """Transposed, sliced and filtered grids hold the same results."""
    turned = grid.transpose()
    assert sizes(turned) == [64, 64, 128, 128] and turned[0, 1] is grid[1, 0]
    assert sizes(grid[:, 1:]) == [128, 128] and sizes(grid[1:]) == [64, 128]
    assert sizes(grid.where(scale_factor=2)) == [128, 128]
    assert sizes(grid.where(type=["face"], scale_factor="1,2")) == [64, 128]
    assert len(studio.asked) == 4


def test_transposing_by_name_needs_every_axis(grid: Grid) -> None:
    """Two names for two axes, in the wanted order."""
    assert [axis.name for axis in grid.transpose("scale_factor", "type").axes] == [
        "scale_factor",
        "type",
    ]
    with pytest.raises(ParameterError, match="each axis once"):
        grid.transpose("type")


def test_what_is_not_on_the_grid_is_named(grid: Grid) -> None:
    """Axes are guessed at, values listed, places counted."""
    with pytest.raises(UnknownNameError, match="Did you mean 'type'"):
        grid.where(tipe="face")
    with pytest.raises(ParameterError, match="not on the axis"):
        grid.where(scale_factor=4)
    with pytest.raises(ParameterError, match="2 axes"):
        grid[0, 0, 0]


def test_extending_asks_for_the_new_values_only(grid: Grid, studio: Studio) -> None:
    """Another factor is two more requests, and the grid is larger by a column."""
    studio.asked.clear()
    larger = grid.extend(scale_factor=[2, 4])
    assert sorted(studio.asked) == ["clean 4", "face 4"]
    assert sizes(larger) == [64, 128, 256, 64, 128, 256]


def test_a_new_axis_can_be_added(grid: Grid, studio: Studio, pixels: Any) -> None:
    """What was fixed becomes an axis; the value that was fixed is not asked for again."""
    studio.asked.clear()
    photo = grid.plan.layout.fixed["photo"]
    larger = grid.extend(photo=[photo, Photo.open(pixels[::-1])])
    assert len(studio.asked) == 4 and len(larger) == 8


def test_a_cap_holds_when_a_grid_is_extended(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """The grid remembers what may be spent and how many calls may be made."""
    grid = tuner.run(Enhance, enhancement)
    with pytest.raises(ParameterError, match="2 new requests; 1 are allowed"):
        grid.extend(scale_factor=[4], max_calls=1)


def test_the_cap_counts_what_is_spent_already(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """It holds for the sweep, its extensions and its retries together; nothing is sent."""
    grid = tuner.grid(Enhance, enhancement, "picwish", max_credits=10)
    grid.outcomes.paid(5)
    with pytest.raises(BudgetError, match=r"8 credits.* at most 10 .* of which 5 are spent"):
        grid.run()
    with pytest.raises(BudgetError, match="of which 5 are spent"):
        grid.where(type="face").extend(scale_factor=[4])


def test_every_result_has_a_file_of_its_own(tuner: Tuner, photo: Photo, tmp_path: Path) -> None:
    """Also where labels differ in signs only, in the size of letters, or are longer than a name may be."""
    labels = ["a b", "a/b", "A*b", "long" * 99, "long" * 100]
    others = [Photo.open(photo.to_numpy()[n:]) for n in range(len(labels))]
    grid = tuner.run(
        Enhance, {"photo": dict(zip(labels, others, strict=True)), "scale_factor": [1]}
    )
    paths = grid.save(tmp_path / "out")
    assert len({path.name.lower() for path in paths}) == len(list(paths[0].parent.iterdir())) == 5
    assert [Photo.open(path).size for path in paths] == [edit.after.size for edit in grid]


def test_results_are_saved_by_their_values(grid: Grid, tmp_path: Path) -> None:
    """One file a tile, named by what made it."""
    paths = grid.save(tmp_path / "out")
    assert paths[0].name == "type=clean-scale_factor=1.png"
    assert Photo.open(paths[1]).size == (128, 96)


def test_a_tile_is_the_cell_that_makes_it_again(tuner: Tuner, home: Path, photo: Photo) -> None:
    """With the photo as it was called, and only what differs from the defaults."""
    path = photo.save(home.parent / "my cat.png")
    grid = tuner.grid(Enhance, {"photo": str(path), "scale_factor": [2], "type": ["clean", "face"]})
    assert grid.tiles[1].magic == f"%enhance '{path}' --type face --scale-factor 2"


def test_views_share_results_that_come_later(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """A part cut out before the run fills in with it."""
    grid = tuner.grid(Enhance, enhancement)
    part = grid.where(type="face")
    assert [tile.state for tile in part.tiles] == ["missing", "missing"]
    grid.run()
    assert [tile.state for tile in part.tiles] == ["done", "done"]


def test_more_than_two_axes_stand_in_order(tuner: Tuner, photo: Photo, pixels: Any) -> None:
    """Three axes, the last one running fastest."""
    named = {
        "photo": {"a": photo, "b": Photo.open(255 - pixels)},
        "type": "*",
        "scale_factor": [1, 2],
    }
    grid = tuner.run(Enhance, named)
    assert repr(grid) == "<Grid of enhance: photo (2) x type (2) x scale_factor (2), 8 of 8 done>"
    assert str(grid.tiles[5]) == "photo=b, type=clean, scale_factor=2"
    assert np.array_equal(grid[1, 0, 0].to_numpy(), 255 - pixels)
