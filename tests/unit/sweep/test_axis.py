"""Values of an axis: what is several and what is one, ranges counted out, each value once."""

from collections import deque
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch_nb.errors import ParameterError, UnknownNameError
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.strokes import Strokes
from retouch_nb.sweep.axis import Axis, is_axis, knob


def read(name: str, given: Any, operation: Any = RetouchObject, **fixed: Any) -> tuple[Any, ...]:
    return Axis.read(knob(operation, name, fixed), given).values


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0:100:20", (0, 20, 40, 60, 80, 100)),
        ("100:0:-50", (100, 50, 0)),
        ("5:8", (5, 6, 7, 8)),
        ("0..100/6", (0, 20, 40, 60, 80, 100)),
        ("0..100/4", (0, 33, 67, 100)),
        ("7..9/1", (7,)),
        ("10,20, 30", (10, 20, 30)),
        ("1,0:10:5", (1, 0, 5, 10)),
        (range(0, 90, 40), (0, 40, 80)),
        ((n for n in (3, 4)), (3, 4)),
        (np.array([1, 2]), (1, 2)),
        ([5, 5, "5"], (5,)),
        ({"soft": 3, "hard": 9}.values(), (3, 9)),
        (deque([3, 4]), (3, 4)),
        (pd.Series([3, 4], index=[9, 7]), (3, 4)),
        (pd.Index([3, 4]), (3, 4)),
        (pl.Series([3, 4]), (3, 4)),
        (pa.array([3, 4]), (3, 4)),
    ],
)
def test_a_whole_number_is_varied_in_every_spelling(given: Any, expected: tuple[int, ...]) -> None:
    """Ranges include both ends, pieces may be mixed, and what is equal counts once."""
    assert read("retouch_strength", given) == expected


def test_fractions_stay_what_was_typed() -> None:
    """A range of tenths is counted in decimals: no 0.30000000000000004."""
    assert read("Heal.Alpha1", "0:0.3:0.1", Retouch) == (0, 0.1, 0.2, 0.3)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 9))
def test_a_range_never_leaves_its_ends(start: int, length: int, step: int) -> None:
    """Every value lies on the way, the first is the start, and the next one would be beyond the end."""
    values = read("retouch_strength", f"{start}:{start + length}:{step}")
    assert values[0] == start and all(b - a == step for a, b in pairwise(values))
    assert values[-1] <= start + length < values[-1] + step


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0:100:0", "step is zero"),
        ("0:100:-5", "leads away"),
        ("0..100/0", "number of values"),
        ("0:1000000:0.01", "more than 10,000"),
        ("0..100", "not written as one"),
        ("0:100:20:5", "not written as one"),
    ],
)
def test_a_range_that_cannot_be_counted_out_says_why(text: str, why: str) -> None:
    """And shows how ranges are written."""
    with pytest.raises(ParameterError, match=why) as caught:
        read("retouch_strength", text)
    assert "start:stop:step" in caught.value.advice


def test_every_value_is_checked_by_the_parameter() -> None:
    """One that is out of bounds is refused like in a single request."""
    with pytest.raises(ParameterError, match=r"--retouch-strength 120 is not accepted"):
        read("retouch_strength", "0:120:60")


@pytest.mark.parametrize("nothing", [[], "", " , ", {}, range(0)])
def test_an_axis_without_values_is_refused(nothing: Any) -> None:
    """Whatever it is empty of."""
    with pytest.raises(ParameterError, match=r"no values|not accepted"):
        read("retouch_strength", nothing)


def test_a_star_is_everything_that_is_accepted() -> None:
    """For parameters whose values can be listed."""
    assert read("type", "*", Enhance) == ("clean", "face")
    assert read("layers", "*", Retouch) == (False, True)


def test_values_are_labelled_by_their_names() -> None:
    """Numbers with a name show it; none shows as default; keys of a mapping are labels."""
    assert Axis.read(knob(RetouchObject, "type", {}), "1,4").labels == ("normal", "metal")
    assert Axis.read(knob(Enhance, "scale_factor", {}), [None, 2]).labels == ("default", "2")
    assert Axis.read(knob(Enhance, "scale_factor", {}), {"as it is": 1}).labels == ("as it is",)
    recipes = ["Heal 0.5", "Heal 1.0\nDust 1.0", "balanced"]
    assert Axis.read(knob(Retouch, "steps", {}), recipes).labels == (
        "Heal 0.5",
        "Heal 1.0; Dust 1.0",
        "balanced",
    )


def test_pictures_of_one_name_are_told_apart(photo: Photo) -> None:
    """Equal labels get numbers; equal pictures count once."""
    other = Photo.open(np.zeros((8, 8, 3), np.uint8))
    axis = Axis.read(knob(Enhance, "photo", {}), [photo, other, photo])
    assert axis.labels == ("photo 1", "photo 2")


@pytest.mark.parametrize(
    ("operation", "name", "given", "several"),
    [
        (Enhance, "scale_factor", (1, 2), True),
        (Inpaint, "rectangles", (1, 2, 3, 4), False),
        (Enhance, "scale_factor", "1,2", True),
        (Enhance, "photo", np.zeros((4, 4, 3)), False),
        (Enhance, "photo", "a,b.png", False),
        (Enhance, "photo", ["a.png"], True),
        (Enhance, "photo", np.array(["a.png", "b.png"]), True),
        (Enhance, "photo", np.zeros((2, 4, 4, 3)), True),
        (Enhance, "photo", b"...", False),
        (Enhance, "photo", Photo.open(np.zeros((4, 4, 3))), False),
        (Inpaint, "mask", Strokes((4, 4), []), False),
        (Inpaint, "rectangles", "1,2,3,4", False),
        (Inpaint, "rectangles", [(1, 2, 3, 4)], True),
        (Retouch, "steps", {"tasks": []}, False),
    ],
)
def test_a_list_is_an_axis_and_a_picture_is_not(
    operation: Any, name: str, given: Any, several: bool
) -> None:
    """Text, or a tuple, is several values only where one value has no commas, or is no tuple."""
    assert is_axis(knob(operation, name, {}).param, given) is several


@pytest.mark.parametrize(
    ("operation", "name", "guess"),
    [
        (Enhance, "scale_facto", "Did you mean 'scale_factor'"),
        (Retouch, "Dodge Bum.Alpha1", "Did you mean 'Dodge Burn'"),
        (Retouch, "Dodge Burn.Alfa1", "Did you mean 'Alpha1'"),
        (Enhance, "Heal.Alpha1", "There is no parameter"),
    ],
)
def test_an_unknown_name_is_guessed_at(operation: Any, name: str, guess: str) -> None:
    """For parameters, for steps of a recipe, and for settings of a step."""
    with pytest.raises((UnknownNameError, ParameterError), match=guess):
        knob(operation, name, {})


def test_only_a_blend_of_a_layer_needs_no_request() -> None:
    """With layers, what the vendor calls blend is an opacity; a sensitivity is not, an opacity always is."""
    steps = {"steps": "Heal 1.0; Dodge Burn 1.0", "layers": True}
    assert knob(Retouch, "Dodge Burn.Alpha1", steps).layer == "Dodge Burn"
    assert knob(Retouch, "Heal.Alpha1", steps).layer == ""
    assert knob(Retouch, "Heal.opacity", steps).layer == "Heal"
    assert knob(Retouch, "Dodge Burn.Alpha1", {**steps, "layers": False}).layer == ""
