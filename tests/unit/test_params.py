from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch_nb.errors import ParameterError
from retouch_nb.params import UNSET, Delivery, Named, Param, Range, params


@dataclass
class Example:
    amount: Annotated[int, "How much.", Range(0, 100)]
    factor: Annotated[Literal[1, 2, 4] | None, "How many times."] = None
    wait: Annotated[bool, "Wait.", Delivery()] = False
    kind: Annotated[int, "Which.", Named({1: "normal", 4: "metal"})] = 1
    ratio: Annotated[float, "A ratio.", Range(-1, 1)] = 0.5


def param(name: str) -> Param:
    return next(p for p in params(Example) if p.name == name)


def test_fields_are_read_in_order_and_delivery_comes_last() -> None:
    """Help and constructor list what changes the picture first."""
    assert [p.name for p in params(Example)] == ["amount", "factor", "kind", "ratio", "wait"]
    assert param("amount").default is UNSET


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("amount", "37", 37),
        ("amount", 37.0, 37),
        ("factor", "2", 2),
        ("factor", None, None),
        ("kind", "Metal", 4),
        ("kind", "4", 4),
        ("wait", "yes", True),
        ("wait", False, False),
        ("ratio", "-1", -1.0),
    ],
)
def test_words_and_values_mean_the_same(name: str, word: object, value: object) -> None:
    """What a magic writes and what Python passes are read by one rule."""
    assert param(name).read(word) == value


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("amount", "101"),
        ("amount", -1),
        ("amount", "1.5"),
        ("amount", True),
        ("amount", "much"),
        ("amount", float("nan")),
        ("amount", float("inf")),
        ("amount", None),
        ("factor", 3),
        ("factor", True),
        ("kind", "metall"),
        ("wait", "perhaps"),
        ("ratio", "nan"),
        ("ratio", [1]),
    ],
)
def test_what_is_not_accepted_names_the_flag_and_what_is(name: str, word: object) -> None:
    """The message holds the option, what was given, and that nothing was sent."""
    with pytest.raises(ParameterError) as caught:
        param(name).read(word)
    assert f"--{name} {word}" in str(caught.value)
    assert "Nothing was sent" in str(caught.value)


def test_a_near_word_is_suggested() -> None:
    """A slip in a name is answered with the right one."""
    with pytest.raises(ParameterError, match="Did you mean 'metal'"):
        param("kind").read("metall")


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none(), st.binary()))
def test_reading_gives_a_value_in_range_or_a_parameter_error(given_value: object) -> None:
    """Whatever comes in, nothing but an accepted value or our own error comes out."""
    for one in params(Example):
        try:
            value = one.read(given_value)
        except ParameterError:
            continue
        assert value is None or one.range is None or one.range.low <= value <= one.range.high
