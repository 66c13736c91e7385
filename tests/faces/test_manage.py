"""``%retouch_nb``, the doctor, and coming and going of the extension."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from retouch_nb.credentials import Credentials
from retouch_nb.doctor import OPEN_CV, examine, library
from retouch_nb.errors import CredentialsError, ParameterError, UnknownNameError
from retouch_nb.jobs import JobRow
from retouch_nb.magics import load, unload
from retouch_nb.magics.manage import COMMANDS, manage_magic
from retouch_nb.providers.picwish import PICWISH
from retouch_nb.requirements import FOR_DEVELOPERS, Requirement, extras, required
from retouch_nb.session import Session

Cell = Callable[[str], Any]

KEY = "k-0123456789"


def test_jobs_are_listed_and_resumed(cell: Cell, session: Any) -> None:
    """By the id of the list; the picture comes back."""
    rows = cell("%retouch_nb jobs")
    assert cell(f"r = %retouch_nb resume {rows[0].id}\nr").operation == "a1b2"
    with pytest.raises(UnknownNameError, match="Did you mean 'a1b2'"):
        cell("%retouch_nb resume a1b")


def test_a_job_is_forgotten_and_its_id_at_the_service_is_not(cell: Cell, session: Any) -> None:
    """What leaves the list says under which name the service knows it: that may be all that is left of a payment."""
    assert "t-9" in repr(cell("%retouch_nb forget a1b2"))
    assert [row.id for row in session.rows] == ["c3d4"]


def test_loading_says_in_one_line_what_waits(
    bare: InteractiveShell, session: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing where nothing does; how to take up the one; where to see the many; nothing promised of an unknown one."""
    row = JobRow("a1b2", "PicWish", "enhance", "running", 0.0)
    unknown = replace(row, state="unknown")
    told = []
    for session.left in ([], [row], [unknown], [row, unknown]):
        load(bare, session=session)
        told.append(capsys.readouterr().out)
    unload(bare)
    assert told == [
        "",
        "A paid job waits (enhance, running): %retouch_nb resume a1b2\n",
        "A paid job waits (enhance, unknown): %retouch_nb jobs\n",
        "2 paid jobs wait: %retouch_nb jobs\n",
    ]


def test_login_asks_and_never_shows(session: Any) -> None:
    """The key is typed at a prompt, kept, and named by its source only."""
    asked: list[str] = []
    ask = lambda question: asked.append(question) or KEY  # noqa: E731
    run = manage_magic(session, ask=ask, reach=lambda address: "").run
    told = repr(run("login picwish"))
    assert asked == ["Key for PicWish (https://picwish.com/my-account?subRoute=api-key): "]
    assert "Kept until the kernel ends" in told
    assert session.credentials.where(PICWISH) == "login of this session"
    assert KEY not in told + repr(run("doctor")) + run("doctor")._repr_html_()


def test_logout_drops_what_login_kept_and_says_what_is_left(session: Any) -> None:
    """The key is gone from session and keyring; a key in the environment is the user's own."""
    kept: dict[tuple[str, str], str] = {}
    vault = SimpleNamespace(
        get_password=lambda *at: kept.get(at),
        set_password=lambda *at: kept.update({at[:2]: at[2]}),
        delete_password=lambda *at: kept.pop(at),
    )
    environ: dict[str, str] = {}
    session.credentials = Credentials(environ, keyring=lambda: vault)
    run = manage_magic(session, ask=lambda question: KEY).run
    run("login picwish remember")
    assert list(kept.values()) == [KEY]
    assert repr(run("logout picwish")) == "PicWish: what login kept is dropped."
    assert (kept, session.credentials.where(PICWISH)) == ({}, "")
    environ["PICWISH_API_KEY"] = KEY
    assert "environment variable PICWISH_API_KEY still gives one" in repr(run("logout picwish"))


def test_login_takes_no_key_in_the_cell(cell: Cell) -> None:
    """It would be saved with the notebook; the error does not repeat it either."""
    with pytest.raises(ParameterError) as caught:
        cell(f"%retouch_nb login picwish {KEY}")
    assert "saved with the notebook" in str(caught.value)
    assert KEY not in str(caught.value)


def test_login_without_a_prompt_says_what_to_do(session: Any) -> None:
    """Front ends without input get the name of the variable to set."""

    def ask(question: str) -> str:
        raise StdinNotImplementedError("no input here")

    with pytest.raises(CredentialsError, match="Set PICWISH_API_KEY in the environment"):
        manage_magic(session, ask=ask).run("login picwish")


def test_cache_is_measured_and_cleared(cell: Cell, session: Any) -> None:
    """Clearing says how much it was."""
    assert "1.5 MB" in repr(cell("%retouch_nb cache"))
    assert "Removed 1.5 MB" in repr(cell("%retouch_nb cache clear"))
    assert session.cached == 0
    with pytest.raises(UnknownNameError):
        cell("%retouch_nb cache drop")


def test_balance_says_unknown_where_it_is(cell: Cell) -> None:
    """No number is made up."""
    assert cell("%retouch_nb balance picwish").rows == [("PicWish", "unknown")]


def test_providers_lists_every_operation(cell: Cell) -> None:
    """With its price, its limits and where it would go now."""
    shown = repr(cell("%retouch_nb providers"))
    assert "%enhance" in shown
    assert "2 to 3 credits (estimate by the long side)" in shown
    assert "up to 20 MB" in shown
    assert "embedded engine, free" in shown


@pytest.mark.parametrize(
    ("line", "error", "told"),
    [
        ("job", UnknownNameError, "Did you mean 'jobs'?"),
        ("login picwihs", UnknownNameError, "Did you mean 'picwish'?"),
        ("resume", ParameterError, "Usage: %retouch_nb resume ID"),
        ("jobs now", ParameterError, "Usage: %retouch_nb jobs"),
        ("login", ParameterError, "Usage: %retouch_nb login SERVICE [remember]"),
    ],
)
def test_wrong_commands_are_guessed_at(
    cell: Cell, line: str, error: type[Exception], told: str
) -> None:
    """The error says what exists, or how the command is used."""
    with pytest.raises(error) as caught:
        cell(f"%retouch_nb {line}")
    assert told in str(caught.value)


def test_alone_it_explains_itself(cell: Cell) -> None:
    """All commands, one a line."""
    shown = repr(cell("%retouch_nb"))
    assert shown == repr(cell("%retouch_nb --help"))
    assert all(f"%retouch_nb {name}" in shown for name in COMMANDS)


def facts(session: Any, **environ: str) -> dict[str, tuple[str, ...]]:
    """Give mark, finding and advice by what was looked at, on a machine without a network."""
    table = examine(session, environ=environ, reach=lambda address: "the name is not known here")
    return {row[1]: (row[0], *row[2:]) for row in table.rows}


def test_the_doctor_names_versions_keys_folder_and_jobs(session: Any) -> None:
    """One line each, with advice where something is to be done."""
    found = facts(session)
    assert found["numpy"][1][0].isdigit()
    assert "face cascades" in found["OpenCV"][1]
    assert found["PicWish"][1] == "key: none; https://techhk.aoscdn.com; now: embedded engine"
    assert "PICWISH_API_KEY" in found["PicWish"][2]
    assert "writable" in found["folder"][1]
    assert found["cache"][1] == "1.5 MB"


def test_the_doctor_counts_only_jobs_that_were_paid(session: Any) -> None:
    """What runs in the embedded engine costs nothing and waits for nobody."""
    assert facts(session)["paid jobs that wait"] == ("!", "a1b2", "%retouch_nb resume a1b2")
    session.rows = [JobRow("e5", "PicWish", "enhance", "done", 0.0)]
    assert facts(session)["paid jobs that wait"] == ("ok", "none", "")


def test_the_doctor_warns_of_a_folder_that_cannot_be_written(session: Any) -> None:
    """Journal and cache need a place; a file is none."""
    session.home.write_text("")
    mark, found, advice = facts(session)["folder"]
    assert (mark, "not writable" in found) == ("!", True)
    assert "RETOUCH_NB_HOME" in advice


def test_the_doctor_tells_the_front_end_by_its_marks(session: Any) -> None:
    """From the environment that a front end gives its kernel."""
    assert facts(session, VSCODE_PID="1")["front end"][1] == "Visual Studio Code"
    assert (
        facts(session, COLAB_RELEASE_TAG="x", JPY_PARENT_PID="1")["front end"][1] == "Google Colab"
    )


def test_the_doctor_says_kindly_that_one_is_offline(session: Any) -> None:
    """Only services with a key are looked at; the advice names the way that needs no network."""
    session.credentials = Credentials({"PICWISH_API_KEY": KEY}, keyring=lambda: None)
    mark, found, advice = facts(session)["PicWish"]
    assert mark == "!"
    assert "PICWISH_API_KEY" in found
    assert "not reachable" in found
    assert "the name is not known here" in advice
    assert "--provider local" in advice
    assert facts(session)["AILabTools"][0] == "ok"
    fine = {row[1]: row for row in examine(session, reach=lambda address: "").rows}
    assert fine["PicWish"][0] == "ok"
    assert KEY not in repr(fine)


def test_the_doctor_finds_the_widgets_and_the_codecs(session: Any) -> None:
    """What came with the installation, and what Pillow can do."""
    found = facts(session)
    assert found["widget assets"][0] == "ok"
    assert int(found["widget assets"][1].split()[1]) >= 4
    assert found["codecs and fonts"] == ("ok", "Pillow has all that are needed", "")


def test_the_doctor_looks_at_what_is_broken_and_does_not_break(tmp_path: Path) -> None:
    """A key that is none, an address that shows it, a folder that is a file: each is a line, the others stand below."""
    (tmp_path / "home").write_text("")
    environ = {
        "PICWISH_API_KEY": "two words",
        "AILAB_BASE_URL": "http://example.org",
        "RETOUCH_NB_HOME": str(tmp_path / "home"),
    }
    found = facts(Session(environ=environ))
    assert "spaces" in found["PicWish"][1]
    assert "not https" in found["AILabTools"][1] and "AILAB_BASE_URL" in found["AILabTools"][2]
    broken = ("PicWish", "AILabTools", "folder", "paid jobs that wait")
    assert [found[what][0] for what in broken] == ["!"] * 4
    assert found["Retouch4me"][0] == "ok"
    assert "two words" not in repr(found)


def test_the_doctor_asks_for_every_requirement_and_extra(session: Any) -> None:
    """What is missing or too old is named with the command that mends it; the list is that of the project."""
    found = facts(session)
    missing = [one.name for one in required() if one.name not in {*found, *OPEN_CV}]
    assert all(one.sometimes for one in required() if one.name in missing)
    assert found["httpx"][0] == "ok"
    assert {f"extra {name}" for name in set(extras()) - FOR_DEVELOPERS} <= set(found)
    row = library(Requirement("httpx", "99.1"))
    assert row is not None and row[0] == "!" and "older than 99.1" in row[2]
    assert library(Requirement("no-such-thing", "2")) == (
        "!",
        "no-such-thing",
        "missing",
        'pip install "no-such-thing>=2"',
    )


def test_the_doctor_tells_what_was_changed(session: Any) -> None:
    """Faults that were left on, and a model that is not there, explain what goes wrong."""
    assert facts(session)["settings"] == ("ok", "all as they come", "")
    session.settings.backend = "local"
    assert facts(session)["settings"] == ("ok", "backend = 'local'", "")
    session.settings.faults = ["429"]
    assert facts(session)["settings"][::2] == (
        "!",
        "The engine fails on purpose; %config Retouch.faults = [] ends it.",
    )
    session.settings.removal_model = "gone.onnx"
    assert "gone.onnx" in facts(session)["settings"][2]


def snapshot(shell: InteractiveShell) -> dict[str, Any]:
    """Copy everything of a shell that loading may touch."""
    magics = shell.magics_manager.magics
    return {
        "line": dict(magics["line"]),
        "cell": dict(magics["cell"]),
        "matchers": list(shell.Completer.custom_matchers),
        "transformers": list(shell.input_transformers_post),
        "configurables": list(shell.configurables),
        "names": set(shell.user_ns),
    }


def test_unloading_leaves_nothing_behind(bare: InteractiveShell, session: Any) -> None:
    """Loaded once or twice, unloaded once or twice: the shell is as it was, with the user's own magics."""
    bare.register_magic_function(lambda line: "mine", "line", "enhance")
    before = snapshot(bare)
    load(bare, session=session)
    load(bare, session=session)
    assert snapshot(bare) != before
    assert len(bare.Completer.custom_matchers) == 1
    unload(bare)
    unload(bare)
    assert snapshot(bare) == before
    assert bare.run_line_magic("enhance", "") == "mine"


def test_settings_are_changed_by_config(cell: Cell, session: Any) -> None:
    """``%config Retouch`` reads and writes the session's settings."""
    cell("%config Retouch.backend = 'local'")
    assert session.settings.backend == "local"


def test_a_refused_setting_does_not_stop_a_reload(
    bare: InteractiveShell, session: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """IPython keeps the refused value in its configuration; loading again says so and goes on."""
    load(bare, session=session)
    bare.run_cell("%config Retouch.backend = 'sky'")
    bare.config.merge(Config(Retouch={"max_credits": 7}))
    unload(bare)
    load(bare, session=session)
    assert (session.settings.backend, session.settings.max_credits) == ("auto", 7)
    assert "Retouch.backend keeps its value" in capsys.readouterr().err


def test_a_table_escapes_what_it_shows() -> None:
    """Names of jobs and files come from outside."""
    table = manage_magic(SimpleNamespace(balance=lambda p: "<b>", jobs=list)).run("balance picwish")
    assert "<b>" not in table._repr_html_()
