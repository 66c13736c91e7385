from pathlib import Path

import pytest

import retouch_nb
from retouch_nb.commands import COMMANDS as COMMANDS_OF_THE_LINE
from retouch_nb.config import Retouch
from retouch_nb.engine import Fault
from retouch_nb.magics.listing import listing
from retouch_nb.magics.manage import COMMANDS
from retouch_nb.params import params
from retouch_nb.providers import operations
from retouch_nb.reference.pages import pages, write


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    """Give every page by its name."""
    return pages()


def test_every_operation_has_a_page_with_every_parameter(written: dict[str, str]) -> None:
    """And with the help of its magic, word for word."""
    helps = {magic.name: magic.help for magic in listing()}
    for name, operation in operations().items():
        assert all(f"| `{param.name}` |" in written[name] for param in params(operation))
        assert helps[name].strip() in written[name]


def test_every_magic_and_command_is_told(written: dict[str, str]) -> None:
    """What a shell has after loading the extension is on the page of magics."""
    assert all(f"`%{magic.name}`" in written["magics"] for magic in listing())
    assert all(f"`%retouch_nb {command}" in written["magics"] for command in COMMANDS)


def test_every_command_of_the_command_line_is_told(written: dict[str, str]) -> None:
    """With every option, as ``--help`` has it."""
    page = written["command-line"]
    assert all(f"## {name}\n" in page for name in COMMANDS_OF_THE_LINE)
    assert all(option in page for option in ("--port", "--fault NAME[=TIMES]", "--check", "--out"))


def test_settings_faults_and_names_are_complete(written: dict[str, str]) -> None:
    """A new one appears by itself."""
    assert all(f"`{name}`" in written["settings"] for name in Retouch.class_own_traits(config=True))
    assert "Undefined" not in written["settings"]
    assert all(f"| `{fault.value}` |" in written["engine"] for fault in Fault)
    names = [name for name in retouch_nb.__all__ if not name.startswith("__")]
    assert all(f"## rn.{name}\n" in written["python"] for name in names)


def test_the_index_leads_to_every_page_that_is_written(tmp_path: Path) -> None:
    """Each file is linked once, and none is empty."""
    files = write(tmp_path / "reference")
    index = (tmp_path / "reference" / "index.md").read_text()
    for path in files:
        assert len(path.read_text().splitlines()) > 2, path.name
        assert path.stem == "index" or index.count(f"({path.name})") == 1
