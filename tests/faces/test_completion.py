"""Completion as the notebook asks for it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from retouch_nb.magics import unload

Complete = Callable[[str], dict[str, str]]


@pytest.fixture
def complete(shell: InteractiveShell) -> Complete:
    """Give the completed line (the whole cell) and the type of what was put in, for every offer.

    The cursor is at ``|``, or at the end.
    """

    def ask(text: str) -> dict[str, str]:
        before, _, after = text.partition("|")
        with provisionalcompleter():
            found = list(shell.Completer.completions(before + after, len(before)))
        return {before[: c.start] + c.text + after: c.type for c in found}

    return ask


def endings(offers: dict[str, str], before: str) -> list[str]:
    """Give what was put in."""
    return [text.removeprefix(before) for text in offers]


@pytest.mark.parametrize(
    "start",
    [
        "%enhance coffee.png ",
        "r = %enhance coffee.png ",
        "xs[0] = %enhance coffee.png ",
        "%%enhance coffee.png ",
        "for x in y:\n    %enhance coffee.png ",
        "%%time\n%enhance coffee.png ",
        "%enhance coffee.png \\\n   ",
    ],
)
def test_options_are_offered_wherever_a_magic_stands(complete: Complete, start: str) -> None:
    """In lines, assignments, cells, blocks and continued lines; and nothing of Python's."""
    offers = complete(f"{start}--")
    assert {f"{start}--type", f"{start}--scale-factor", f"{start}--dry-run"} <= offers.keys()
    assert set(offers.values()) == {"option"}


def test_an_option_is_completed_across_its_hyphen(complete: Complete) -> None:
    """IPython's own words end at a hyphen; ours do not."""
    assert complete("%enhance coffee.png --scale-f") == {
        "%enhance coffee.png --scale-factor": "option"
    }


def test_an_option_is_offered_once(complete: Complete) -> None:
    """What is given already is left out."""
    assert "%enhance a.png --type face --type" not in complete("%enhance a.png --type face --t")


def test_values_of_choices_are_offered(complete: Complete) -> None:
    """By number and by name, after a blank or an equal sign."""
    assert endings(complete("%enhance a.png --type "), "%enhance a.png --type ") == [
        "clean",
        "face",
    ]
    assert complete("%retouch_object a.png b.png --type je") == {
        "%retouch_object a.png b.png --type jewellery": "value"
    }
    assert complete("%enhance a.png --type=f") == {"%enhance a.png --type=face": "value"}
    offers = endings(complete("%enhance a.png --provider "), "%enhance a.png --provider ")
    assert offers == ["auto", "local", "cloud", "picwish"]


def test_pictures_are_variables_and_files(complete: Complete, shell: InteractiveShell) -> None:
    """Variables that can be a photo, then folders and picture files; no other variable."""
    shell.user_ns.update(cat=np.zeros((4, 4), np.uint8), count=3, copy="c.png", case="text")
    assert complete("%enhance c") == {
        "%enhance cat": "variable",
        "%enhance copy": "variable",
        "%enhance coffee.png": "path",
    }


def test_the_second_picture_is_offered_where_there_is_one(
    complete: Complete, shell: InteractiveShell
) -> None:
    """Behind the photo stands a mask, if the operation has one; strokes and masks are offered there only."""
    shell.run_cell("from retouch_nb.mask import Mask\nspot = Mask.open('spot.png')")
    assert "%inpaint coffee.png spot" in complete("%inpaint coffee.png s")
    assert "%inpaint coffee.png --sync spot.png" in complete("%inpaint coffee.png --sync s")
    assert "%inpaint spot" not in complete("%inpaint s")
    assert "%inpaint coffee.png --mask spot" in complete("%inpaint coffee.png --mask s")
    assert "%enhance coffee.png spot.png" not in complete("%enhance coffee.png s")


def test_names_with_blanks_are_quoted(complete: Complete) -> None:
    """The quote that was begun is kept; a folder stays open to go on."""
    Path("my folder").mkdir()
    Path("my cat.png").write_bytes(b"")
    assert set(complete("%enhance my")) == {"%enhance 'my cat.png'", "%enhance 'my folder/"}
    assert '%enhance "my cat.png"' in complete('%enhance "my c')


def test_the_body_of_a_cell_is_completed_too(complete: Complete) -> None:
    """Keys at the beginning of a line, options after hyphens, values behind both."""
    assert complete("%%enhance coffee.png\nsc") == {
        "%%enhance coffee.png\nscale-factor: ": "option"
    }
    assert complete("%%enhance coffee.png\ntype: fa") == {
        "%%enhance coffee.png\ntype: face": "value"
    }
    assert complete("%%enhance coffee.png\n--type fa|\n--sync") == {
        "%%enhance coffee.png\n--type face\n--sync": "value"
    }


def test_silence_where_there_is_nothing_to_offer(complete: Complete) -> None:
    """A number is not completed by names of Python's."""
    assert list(complete("%retouch_object a.png b.png --line-strength p")) == [
        "%retouch_object a.png b.png --line-strength p"
    ]


def test_other_code_is_completed_as_before(shell: InteractiveShell, complete: Complete) -> None:
    """Outside our magics IPython goes on as usual; a remainder is no magic."""
    assert "%enhance" in complete("%enha")
    texts = ["pri", "%timeit enumer", "x = 5 %enhance c", "import nump"]
    loaded = [complete(text) for text in texts]
    unload(shell)
    assert [complete(text) for text in texts] == loaded


def test_commands_and_their_words_are_offered(complete: Complete) -> None:
    """``%retouch_nb`` knows its commands, the jobs, the services."""
    assert complete("%retouch_nb d") == {"%retouch_nb doctor": "command"}
    assert "%retouch_nb resume a1b2" in complete("%retouch_nb resume ")
    assert "%retouch_nb login picwish" in complete("%retouch_nb login p")
    assert complete("%retouch_nb cache c") == {"%retouch_nb cache clear": "action"}


def test_options_of_a_batch_are_offered_after_its_folder(complete: Complete) -> None:
    """Its own and those of the operation, with their values."""
    start = "%retouch_nb batch enhance photos out "
    assert {"--masks", "--scale-factor"} <= set(endings(complete(f"{start}--"), start))
    assert set(endings(complete(f"{start}--type "), f"{start}--type ")) == {"clean", "face"}


def test_after_unloading_nothing_is_offered(shell: InteractiveShell, complete: Complete) -> None:
    """The matcher goes with the magics."""
    unload(shell)
    assert "%enhance coffee.png --dry-run" not in complete("%enhance coffee.png --")
    assert shell.Completer.custom_matchers == []
