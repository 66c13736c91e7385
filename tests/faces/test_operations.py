"""The operation magics in a real shell."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from retouch_nb.describe import run_params
from retouch_nb.engine import Engine
from retouch_nb.errors import (
    ParameterError,
    PictureError,
    StoppedError,
    TaskFailedError,
    UnknownNameError,
)
from retouch_nb.magics import load, unload
from retouch_nb.magics.manual import example
from retouch_nb.magics.operations import MagicOptions, grammar_of
from retouch_nb.params import params
from retouch_nb.photo import Link, Photo
from retouch_nb.providers import operations
from retouch_nb.session import Session

Cell = Callable[[str], Any]
every = pytest.mark.parametrize("operation", operations().values(), ids=operations().keys())


def test_a_line_becomes_a_checked_operation(cell: Cell, session: Any) -> None:
    """Words are converted and checked by the operation's own parameters."""
    cell("%enhance coffee.png --type face --scale-factor 2")
    request = session.tasks[0].operation
    assert (request.name, request.photo.size) == ("enhance", (60, 40))
    assert (request.type, request.scale_factor) == ("face", 2)


def test_a_line_can_be_assigned(cell: Cell, shell: InteractiveShell) -> None:
    """``r = %enhance photo`` gives r the result; so does the last expression."""
    assert cell("%enhance coffee.png").operation.name == "enhance"
    cell("r = %enhance coffee.png")
    assert shell.user_ns["r"].operation.name == "enhance"


def test_underscores_and_equal_signs_are_taken_too(cell: Cell, session: Any) -> None:
    """Options may be written as in Python."""
    cell("%enhance coffee.png --scale_factor=4")
    assert session.tasks[0].operation.scale_factor == 4


def test_the_mask_is_the_second_word_or_an_option(cell: Cell, session: Any) -> None:
    """Where the second field is a picture, it needs no option."""
    cell("%inpaint coffee.png spot.png")
    cell("%inpaint --mask spot.png coffee.png")
    cell("%inpaint coffee.png --provider local spot.png")
    cell("%%inpaint coffee.png\nmask: spot.png")
    masks = [task.operation.mask for task in session.tasks]
    assert [mask.pixels.sum() for mask in masks] == [100] * 4


def test_a_variable_wins_over_a_file(cell: Cell, session: Any, shell: InteractiveShell) -> None:
    """A bare name is a variable where there is one."""
    Path("scan").write_bytes(Path("coffee.png").read_bytes())
    cell("%enhance scan")
    shell.user_ns["scan"] = np.zeros((20, 30, 3), np.uint8)
    cell("%enhance scan")
    assert [task.operation.photo.size for task in session.tasks] == [(60, 40), (30, 20)]


def test_an_address_stays_an_address(cell: Cell, session: Any) -> None:
    """The service fetches it, or the engine."""
    cell("%enhance https://example.org/a.jpg")
    assert session.tasks[0].operation.photo == Link("https://example.org/a.jpg")


def test_local_variables_of_a_function_are_seen(cell: Cell, session: Any) -> None:
    """A magic in a function sees the function's own variables first."""
    cell("import numpy as np\nphoto = np.zeros((20, 20), np.uint8)")
    cell("def f(photo):\n    r = %enhance photo\n    return r\nf(np.zeros((30, 50), np.uint8))")
    assert session.tasks[0].operation.photo.size == (50, 30)


def test_values_are_looked_up_and_never_pasted(cell: Cell, session: Any) -> None:
    """``$name`` and ``{expression}`` give objects; nothing else in a line is touched."""
    cell("factors = [1, 2, 4]\nphotos = ['coffee.png']")
    cell("for f in factors:\n    %enhance {photos[0]} --scale-factor $f")
    assert [task.operation.scale_factor for task in session.tasks] == [1, 2, 4]


def test_a_result_is_a_photo_for_the_next(cell: Cell, session: Any) -> None:
    """What one magic gives can be named to another."""
    cell("%enhance coffee.png -o first")
    cell("%enhance first")
    assert session.tasks[1].operation.photo.size == (16, 16)


def test_output_stores_the_result(cell: Cell, shell: InteractiveShell) -> None:
    """``-o NAME`` works in lines and in cells."""
    cell("%enhance coffee.png -o one")
    cell("%%inpaint coffee.png -o two\n10,10,5,5")
    assert shell.user_ns["one"].operation.name == "enhance"
    assert shell.user_ns["two"].operation.name == "inpaint"


@pytest.mark.parametrize(
    "error", [TaskFailedError("It failed."), StoppedError("Stopped."), KeyboardInterrupt()]
)
def test_output_holds_the_job_of_a_run_that_brought_nothing(
    cell: Cell, session: Any, shell: InteractiveShell, error: BaseException
) -> None:
    """Failed, stopped or interrupted: the job is there to be looked at and resumed."""
    session.fails_with = error
    with pytest.raises(type(error)):
        cell("%enhance coffee.png -o r")
    assert shell.user_ns["r"] is session.tasks[0]


def test_detach_gives_the_job_without_waiting(cell: Cell, shell: InteractiveShell) -> None:
    """The job is the cell's value and is stored under the name."""
    job = cell("%enhance coffee.png --detach -o j")
    assert shell.user_ns["j"] is job
    assert not job.waited


def test_options_of_the_run_reach_the_session(cell: Cell, session: Any) -> None:
    """Provider, freshness and cap are the session's to obey."""
    cell(
        "%inpaint coffee.png spot.png --provider cloud --fresh --max-credits 3 --restore-outside --explain"
    )
    cell("%enhance coffee.png")
    told = {"fresh": True, "restore_outside": True, "explain": True}
    assert session.tasks[0].options == {"provider": "cloud", "max_credits": 3, **told}
    assert not any(session.tasks[1].options.values())


def test_restoring_is_offered_where_there_is_a_mask(cell: Cell) -> None:
    """Elsewhere the option does not exist, and the error guesses at another."""
    with pytest.raises(ParameterError, match="restore-outside"):
        cell("%enhance coffee.png --restore-outside")


def test_save_writes_the_result(cell: Cell) -> None:
    """``--save`` needs no second cell."""
    cell("%enhance coffee.png --save 'my result.png'")
    assert Path("my result.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--save result.gif", "--save result.gif is not accepted: the ending must be one of"),
        ("--save nowhere/result.png", "there is no folder 'nowhere'"),
        ("-o 2nd", "--output 2nd is not accepted: it cannot name a variable"),
        ("-o class", "it cannot name a variable"),
        ("--provider picwihs", "Did you mean 'picwish'?"),
        ("--provider ailabtools", "--provider ailabtools is not accepted"),
        ("--max-credits -1", "--max-credits -1 is not accepted"),
        ("--detach --save r.png", "--save needs the result"),
        ("--type fase", "Did you mean 'face'?"),
        ("--scale-factor 3", "one of 1, 2, 4"),
        ("--scale-factor", "--scale-factor needs a value: one of 1, 2, 4."),
        ("--type --fresh", "--type needs a value"),
        ("--scal 2", "Did you mean '--scale-factor'?"),
        ("--typ face", "%enhance has no option --typ."),
        ("--type face --type clean", "type is given twice"),
        ("other.png", "one word too many"),
        ("--type 'face", "A quote is not closed"),
        ("--scale-factor {no_such}", "{no_such} cannot be evaluated: NameError"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_sent(
    cell: Cell, session: Any, words: str, told: str
) -> None:
    """The error names the option, the value and what would be accepted."""
    with pytest.raises(ParameterError) as caught:
        cell(f"%enhance coffee.png {words}")
    assert told in str(caught.value)
    assert session.tasks == []


def test_an_unknown_name_is_guessed_at(cell: Cell, shell: InteractiveShell) -> None:
    """Neither variable nor file: the nearest of both is offered."""
    shell.user_ns["portrait"] = np.zeros((20, 20), np.uint8)
    with pytest.raises(UnknownNameError) as caught:
        cell("%enhance cofee.png")
    assert str(caught.value) == (
        "There is no variable or file 'cofee.png'. Did you mean 'coffee.png'?"
    )
    with pytest.raises(UnknownNameError, match="Did you mean 'portrait'"):
        cell("%enhance portrat")
    with pytest.raises(UnknownNameError, match="There is no variable 'portrat'"):
        cell("%enhance $portrat")


def test_a_missing_picture_is_told_with_the_usage(cell: Cell) -> None:
    """What must be given is said in capitals."""
    with pytest.raises(ParameterError, match=r"%enhance needs a photo.*%enhance PHOTO \[options\]"):
        cell("%enhance")
    with pytest.raises(ParameterError, match="%retouch_object needs a mask"):
        cell("%retouch_object coffee.png")


def test_errors_of_the_operation_come_through(cell: Cell, shell: InteractiveShell) -> None:
    """Whatever the operation refuses is refused before it is sent."""
    shell.user_ns["small"] = np.zeros((20, 20), bool)
    with pytest.raises(PictureError, match="The mask is 20 x 20 pixels"):
        cell("%inpaint coffee.png small")
    with pytest.raises(ParameterError, match="Say what to remove"):
        cell("%inpaint coffee.png")


def test_an_error_shows_two_lines_and_no_frames(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cell that fails says what happened and what to type, and nothing of our code."""
    shell.run_cell("%enhance coffee.png --type fase")
    shown = capsys.readouterr().out
    assert "ParameterError" in shown
    assert "Traceback" not in shown
    assert len(shown.strip().splitlines()) == 2


def test_a_cell_takes_options_line_by_line(cell: Cell, session: Any) -> None:
    """``key: value`` and ``--option value`` lines say the same as the first line would."""
    cell(
        "%%retouch_object coffee.png\n"
        "mask: 'spot.png'   # the ring\n\n"
        "# only the band\n"
        "type: jewellery\n"
        "--line-strength 70 --sync\n"
    )
    request = session.tasks[0].operation
    assert (request.type, request.line_strength, request.sync) == (5, 70, True)
    assert request.mask.pixels.sum() == 100


def test_a_cell_of_inpaint_takes_rectangles(cell: Cell, session: Any) -> None:
    """One rectangle a line; other options between them."""
    cell("%%inpaint coffee.png\n1,2,10,8\n--provider local\n30,20,5,5  # the stain\n")
    assert [tuple(r) for r in session.tasks[0].operation.rectangles] == [
        (1, 2, 10, 8),
        (30, 20, 5, 5),
    ]


def test_a_cell_line_that_means_nothing_is_refused(cell: Cell, session: Any) -> None:
    """A misspelt key is guessed at; nothing is dropped in silence."""
    with pytest.raises(ParameterError, match=r"does not understand the line.*'scale-factor'"):
        cell("%%enhance coffee.png\nscale-facto: 2")
    with pytest.raises(ParameterError, match="given twice"):
        cell("%%enhance coffee.png --type face\ntype: clean")
    with pytest.raises(ParameterError, match="--fast"):
        cell("%%enhance coffee.png\n--fast")
    assert session.tasks == []


def test_a_semicolon_hides_the_figure(
    cell: Cell, session: Any, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in Python: nothing is shown, and an assignment keeps its value."""
    cell("%enhance coffee.png;")
    cell("%enhance coffee.png;  # later")
    cell("r = %enhance coffee.png;")
    cell("%%enhance coffee.png\ntype: face;")
    assert "Done" not in capsys.readouterr().out
    assert shell.user_ns["r"].operation.type == "clean"
    assert session.tasks[-1].operation.type == "face"
    cell("%enhance coffee.png")
    assert "Done" in capsys.readouterr().out


def test_a_comment_is_no_word(cell: Cell, session: Any) -> None:
    """Comments are dropped; a ``#`` inside a word or in quotes is not one."""
    Path("a#1.png").write_bytes(Path("coffee.png").read_bytes())
    cell("%enhance a#1.png # first try")
    cell("%enhance 'a#1.png'")
    assert len(session.tasks) == 2


def test_a_line_goes_on_after_a_backslash(cell: Cell, session: Any) -> None:
    """Long lines can be broken."""
    cell("%enhance coffee.png \\\n  --type face")
    assert session.tasks[0].operation.type == "face"


def test_dry_run_shows_the_request_and_sends_nothing(cell: Cell, session: Any) -> None:
    """As curl, with the key as a variable, the file, the price and the warnings."""
    shown = repr(cell("%enhance coffee.png --scale-factor 2 --provider cloud --dry-run"))
    assert session.tasks == []
    assert "nothing was sent" in shown
    assert "2 credits (estimate by the long side)" in shown
    assert "curl -X POST https://techhk.aoscdn.com/api/tasks/visual/scale \\" in shown
    assert '-H "X-API-KEY: $PICWISH_API_KEY"' in shown
    assert "-F 'image_file=@coffee.png;type=image/png'" in shown
    assert "--form-string scale_factor=2" in shown


def test_dry_run_knows_what_is_free_and_what_the_cap_forbids(cell: Cell, session: Any) -> None:
    """The embedded engine costs nothing; a service above the cap would be refused."""
    shown = repr(cell("%enhance coffee.png --dry-run"))
    assert "price      free" in shown
    assert "curl -X POST http://127.0.0.1:8765/api/tasks/visual/scale" in shown
    assert "python -m retouch_nb serve" in shown
    session.settings.max_credits = 0
    for cap in ("", "--max-credits 1"):
        shown = repr(cell(f"%enhance coffee.png --provider cloud --dry-run {cap}"))
        assert "a run is refused" in shown
    shown = cell("%enhance coffee.png --provider cloud --dry-run --max-credits 9")._repr_html_()
    assert "refused" not in shown
    unpriced = "%retouch_object coffee.png spot.png --provider cloud --dry-run --max-credits 9"
    assert "a run is refused" in repr(cell(unpriced))


def test_dry_run_shows_text_and_never_markup(cell: Cell) -> None:
    """File names and addresses of others are escaped in HTML."""
    shown = cell("%enhance 'https://example.org/<b>.png' --dry-run")._repr_html_()
    assert "<b>.png" not in shown
    assert "&lt;b&gt;.png" in shown


def test_dry_run_still_checks(cell: Cell) -> None:
    """What a run refuses, a dry run refuses."""
    with pytest.raises(ParameterError):
        cell("%enhance coffee.png --return-type 3 --dry-run")


def test_a_cell_goes_all_the_way_to_the_engine_and_back(bare: InteractiveShell) -> None:
    """Client, journal, cache and engine as they are; only the image work is a quick one."""
    session = Session(home=Path("home"), environ={})
    session.engine = Engine(work={"enhance": twice_as_large, "automatic_factor": lambda *size: 2})
    load(bare, session=session)
    try:
        bare.run_cell("%enhance coffee.png -o first --save larger.png").raise_error()
        bare.run_cell("%%enhance coffee.png -o again\ntype: clean").raise_error()
        bare.run_cell("r = %retouch_nb resume " + session.jobs()[0].id).raise_error()
    finally:
        unload(bare)
        session.close()
    first, again, r = (bare.user_ns[name] for name in ("first", "again", "r"))
    assert Photo.open("larger.png").size == first.after.size == r.after.size == (120, 80)
    assert (first.receipt.cached, again.receipt.cached) == (False, True)
    assert first.receipt.maker == "embedded engine"


def twice_as_large(pixels: Any, factor: int, /, **asked: Any) -> Any:
    """Repeat every pixel."""
    return pixels.repeat(factor, 0).repeat(factor, 1)


@every
def test_help_says_everything(cell: Cell, shell: InteractiveShell, operation: Any) -> None:
    """``--help`` needs no photo; it and ``?`` name every option, its values, limits and price."""
    shown = repr(cell(f"%{operation.name} --help --no-such-option"))
    assert shown == shell.find_line_magic(operation.name).__doc__
    for param in (*params(operation), *run_params(operation, MagicOptions)):
        assert param.flag in shown
        assert param.doc in shown
    assert operation.__doc__.splitlines()[0] in shown
    assert "Photos: up to" in shown
    assert f"Price at {operation.provider.title}: " in shown
    assert shell.object_inspect(operation.name)["docstring"] == shown


@every
def test_the_example_of_the_help_works(cell: Cell, session: Any, operation: Any) -> None:
    """The line that help shows is accepted as it stands."""
    for name, source in {"photo": "coffee.png", "mask": "spot.png", "style": "coffee.png"}.items():
        Path(f"{name}.png").write_bytes(Path(source).read_bytes())
    cell(f"%{operation.name} {example(operation, grammar_of(operation))}")
    assert session.tasks[0].operation.name == operation.name


@every
def test_options_of_the_run_do_not_hide_parameters(operation: Any) -> None:
    """No parameter of an operation has the name of an option that every magic has."""
    own = {param.name for param in params(operation)}
    assert not own & {param.name for param in params(MagicOptions)}


def test_interactive_asks_for_layers(cell: Callable[[str], Any]) -> None:
    """What is to be opened live is asked for in layers; a recipe that has some is left as it is."""
    some = cell("%%retouch coffee.png --interactive --dry-run\nHeal 1.0 layer\nFabric 0.5")
    none = cell("%%retouch coffee.png --interactive --dry-run\nHeal 1.0\nFabric 0.5")
    assert [step.layered for step in some.operation.steps.steps] == [True, False]
    assert [step.layered for step in none.operation.steps.steps] == [True, True]


def test_interactive_is_for_operations_with_layers(cell: Callable[[str], Any]) -> None:
    """Where there are no layers, or nobody waits for them, nothing is sent."""
    with pytest.raises(ParameterError, match="no option --interactive"):
        cell("%enhance coffee.png --interactive")
    with pytest.raises(ParameterError, match="--interactive needs the result"):
        cell("%retouch coffee.png --interactive --detach")
