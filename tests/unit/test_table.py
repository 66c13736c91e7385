from retouch_nb.table import LEAST, Table

WIDE = Table(
    ("magic", "what it does", "price"),
    [("%enhance", "Sharpen a photo and enlarge it. " * 4, "2 credits")],
)


def test_it_fits_a_terminal_without_losing_a_word() -> None:
    """Only the widest columns give way, and every word is still there."""
    lines = WIDE.text(60).splitlines()
    assert max(map(len, lines)) <= 60
    assert " ".join(lines[1:]).count("Sharpen") == 4
    assert "%enhance" in lines[1] and "2 credits" in lines[1]


def test_with_room_every_row_is_one_line() -> None:
    """Files and notebooks have no width to keep to."""
    assert len(WIDE.text().splitlines()) == 2


def test_a_terminal_too_narrow_for_any_table_gets_the_least() -> None:
    """It ends, and columns keep enough for a word."""
    assert max(map(len, WIDE.text(10).splitlines())) <= 3 * LEAST + 4


def test_in_html_columns_stand_apart_and_text_is_escaped() -> None:
    """Also where a front end brings no style for tables."""
    html = Table(("<b>",), [("a & b",)])._repr_html_()
    assert "&lt;b&gt;" in html and "a &amp; b" in html and "padding" in html
