from pathlib import Path

import pytest

from retouch_nb import docs


def test_tables_stand_between_their_markers_and_nothing_else_changes(tmp_path: Path) -> None:
    """Writing replaces what is between the markers; a second time there is nothing to do."""
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- begin errors -->\nold\n<!-- end errors -->\nafter\n")
    assert not docs.update(readme)
    text = readme.read_text()
    assert text.startswith("before\n<!-- begin errors -->\n```\nRetouchError")
    assert text.endswith("<!-- end errors -->\nafter\n")
    assert docs.update(readme)


def test_checking_writes_nothing(tmp_path: Path) -> None:
    """A stale file is reported and left alone."""
    readme = tmp_path / "README.md"
    readme.write_text("<!-- begin errors -->\n<!-- end errors -->\n")
    assert not docs.update(readme, write=False)
    assert readme.read_text() == "<!-- begin errors -->\n<!-- end errors -->\n"


@pytest.mark.parametrize("name", docs.TABLES)
def test_every_table_has_content(name: str) -> None:
    """No marker of the README can be filled with nothing."""
    assert len(docs.TABLES[name]().splitlines()) > 3
