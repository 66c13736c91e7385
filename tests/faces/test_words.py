"""Words told apart, before they mean anything."""

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch_nb.errors import ParameterError
from retouch_nb.magics.names import paths, picture, value
from retouch_nb.magics.words import Grammar, nearest, split, tidy
from retouch_nb.params import Param, Reads
from retouch_nb.photo import Photo

PHOTO = Param("photo", "", Photo)
AREAS = Param("areas", "", object, None, reads=Reads(str, "areas"))
SWITCH = Param("only_edges", "", bool, False)
GRAMMAR = Grammar(
    "blur", (PHOTO, Param("radius", "", int, 3), SWITCH, AREAS), positional=(PHOTO,), body=AREAS
)


@pytest.mark.parametrize(
    ("line", "text", "hidden"),
    [
        ("cat.png", "cat.png", False),
        ("cat.png;", "cat.png", True),
        ("cat.png ; ", "cat.png", True),
        ("cat.png  # a cat; really", "cat.png", False),
        ("cat.png; # a cat", "cat.png", True),
        ("# only a comment", "", False),
        ("cat#1.png", "cat#1.png", False),
        ("'a # b.png' 'c;'", "'a # b.png' 'c;'", False),
        (r'"a \" # b" # c', r'"a \" # b"', False),
        ("it's # here", "it's", False),
        ("", "", False),
    ],
)
def test_comment_and_semicolon_are_no_words(line: str, text: str, hidden: bool) -> None:
    """Outside quotes a trailing comment is dropped, and a semicolon means: do not show."""
    assert tidy(line) == (text, hidden)


@given(st.text())
def test_tidying_twice_is_tidying_once(line: str) -> None:
    """What is left has neither comment nor semicolon at its end."""
    text, _ = tidy(line)
    assert tidy(text) == (text, False)


@given(st.text())
def test_any_line_is_split_or_refused_in_words(line: str) -> None:
    """Whatever is typed, only our own error comes out."""
    try:
        assert all(isinstance(word, str) for word in split(line))
    except ParameterError as error:
        assert "quote" in str(error)


def test_quotes_keep_blanks_and_vanish() -> None:
    """As in a shell."""
    assert split("""a 'b c' "d e" f=g""") == ["a", "b c", "d e", "f=g"]


@pytest.mark.skipif(os.sep == "\\", reason="a backslash separates folders there")
def test_a_backslash_escapes_a_blank() -> None:
    """As completion of a shell writes it."""
    assert split(r"my\ cat.png") == ["my cat.png"]


def test_options_and_words_may_be_mixed() -> None:
    """Their order does not matter; flags may have underscores or equal signs."""
    wanted = {"photo": "cat.png", "radius": "-2", "only_edges": "true"}
    assert GRAMMAR.read("cat.png --radius -2 --only-edges") == wanted
    assert GRAMMAR.read("--only_edges --radius=-2 cat.png") == wanted


def test_a_switch_takes_a_value_only_after_an_equal_sign() -> None:
    """So that a photo may follow it."""
    assert GRAMMAR.read("--only-edges cat.png")["photo"] == "cat.png"
    assert GRAMMAR.read("--only-edges=false cat.png")["only_edges"] == "false"


def test_help_wins_over_everything() -> None:
    """Also over what would be an error."""
    assert GRAMMAR.read("--nonsense -h") == {"help": "true"}


def test_free_lines_of_a_body_go_to_the_parameter_that_reads_them() -> None:
    """Each on its own line and in its own column, so that errors can name them; keys and options are taken out."""
    read = GRAMMAR.read("cat.png", "1,2,3,4\nradius: 5\n\n  [6, 7]  # more\n--only-edges")
    assert read == {
        "photo": "cat.png",
        "areas": "1,2,3,4\n\n\n  [6, 7]",
        "radius": "5",
        "only_edges": "true",
    }


def test_json_in_a_body_is_not_mistaken_for_options() -> None:
    """Only the names of options, unquoted, are keys."""
    text = '{\n  "radius": 5,\n  "note": "a: b"\n}'
    assert GRAMMAR.read("cat.png", text)["areas"] == text


def test_a_word_that_begins_like_a_known_one_is_a_good_guess() -> None:
    """Before similarity counts, the beginning does."""
    assert nearest("--rad", GRAMMAR.flags) == "Did you mean '--radius'?"
    assert nearest("--zzz", GRAMMAR.flags) == ""


@pytest.mark.parametrize("word", ["$5", "{'x': 1}", '{"x": 1}', "a$b", "{}", "5 {x}"])
def test_what_is_no_reference_stays_text(word: str) -> None:
    """Dollars and JSON are left alone."""
    assert value(word, {"b": 1, "x": 2}) == word


def test_references_keep_their_type() -> None:
    """An object comes out, not its text."""
    held = object()
    scope: dict[str, Any] = {"held": [held], "n": 1}
    assert value("{held[n - 1]}", scope) is held
    assert value("$held", scope) is scope["held"]


def test_paths_are_completed_as_typed(folder: Any) -> None:
    """Folders end in a slash, only pictures are offered, hidden ones on request."""
    (folder / "notes.txt").write_text("")
    (folder / "photos").mkdir()
    (folder / "photos" / "cat.JPG").write_text("")
    assert paths("") == ["coffee.png", "photos/", "spot.png"]
    assert paths("photos/c") == ["photos/cat.JPG"]
    assert paths("./co") == ["./coffee.png"]
    assert paths(".h") == []
    assert paths("no/such/folder/") == []


def test_a_path_with_a_home_sign_exists() -> None:
    """``~`` is the home folder, as everywhere."""
    assert picture("~", {}, kind=Photo) == "~"
