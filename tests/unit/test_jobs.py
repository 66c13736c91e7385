from pathlib import Path

from retouch_nb.jobs import JobRow, JobTable, may_wait

ROW = JobRow("a1", "PicWish", "enhance", "running", 0.0, 90.0, "2 credits", "<b>t</b>")


def test_rows_keep_the_names_notebooks_rely_on() -> None:
    """A row is asked by id, service, operation and state."""
    assert (ROW.id, ROW.service, ROW.operation, ROW.state) == (
        "a1",
        "PicWish",
        "enhance",
        "running",
    )


def test_a_table_is_a_list_that_shows_itself() -> None:
    """It counts and slices like a list, and shows text of a service escaped."""
    table = JobTable([ROW, ROW])
    assert len(table) == 2
    html = table._repr_html_()
    assert html.count("<tr>") == 3
    assert "&lt;b&gt;t&lt;/b&gt;" in html
    assert "1970-01-01" in str(table)


def test_an_empty_table_says_so() -> None:
    """No jobs is a sentence, not an empty grid."""
    assert str(JobTable()) == "No jobs yet."
    assert "No jobs yet" in JobTable()._repr_html_()


def test_a_folder_that_may_not_be_looked_into_holds_nothing_that_waits(tmp_path: Path) -> None:
    """Loading the extension is no moment for complaints of the file system."""
    assert not may_wait(tmp_path / ("a" * 300))
