import json
from pathlib import Path

import pytest

from retouch_nb.reference.measured import Row, Topic, page, read, readme_table, write
from tests.bench.topics import TOPICS

ROW = Row("nine layers", 0.43, {"psd-tools": 25.2, "pyvips": None})
TOPIC = Topic("Layers.", "2026-11-21", "3.11.2", 2, 61.5, {"numpy": "2.1"}, (ROW,))


def test_a_peer_is_told_as_a_multiple_of_ours() -> None:
    """Times, memory and requests are divided; a peer that is not installed is said to be missing."""
    assert ROW.told == ("nine layers", "0.43 s", "psd-tools 25 s (59×); pyvips not installed")
    assert Row("journal", 40.0, {"loop": 10.0}, "MB").told[2] == "loop 10 MB (0.25×)"


def test_decibels_are_subtracted_and_shares_are_only_told() -> None:
    """Nothing is divided that has no zero to divide by."""
    told = Row("2x", 32.74, {"bicubic": 31.5}, "dB").told
    assert told[1:] == ("32.7 dB", "bicubic 31.5 dB (-1.2)")
    assert Row("share", 0.912, {"loop": 0.5}, "").told[1:] == ("0.912", "loop 0.5")
    assert Row("memory", 0.0, {"loop": 3.0}, "MB").told[2] == "loop 3.0 MB"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.0, "0 s"), (0.00123, "0.0012 s"), (0.0999, "0.10 s"), (9.96, "10 s"), (123.4, "123 s")],
)
def test_figures_have_two_digits_that_count_and_no_exponent(seconds: float, told: str) -> None:
    """What is rounded up to the next power of ten does not get a digit more."""
    assert Row("x", seconds).told[1] == told


def test_what_is_kept_is_what_is_read(tmp_path: Path) -> None:
    """Topics keep their order; a file that is not there holds none."""
    path = tmp_path / "figures.json"
    assert read(path) == {}
    write({"z": TOPIC, "a": TOPIC}, path)
    assert read(path) == {"z": TOPIC, "a": TOPIC}
    assert [*read(path)] == ["z", "a"]
    assert all("/" not in key for key in json.loads(path.read_text())["z"])


def test_every_benchmark_is_run() -> None:
    """The list of topics names each file, once."""
    folder = Path(__file__).parents[2] / "bench"
    files = {path.stem.removeprefix("bench_") for path in folder.glob("bench_*.py")}
    assert sorted(TOPICS) == sorted(files)


def test_what_was_measured_last_is_all_there() -> None:
    """The README has twenty claims at the most, the reference has every row, and none names a place on a disk."""
    topics = read()
    assert set(topics) <= set(TOPICS)
    claims = [row for topic in topics.values() for row in topic.rows if row.readme]
    assert len(claims) <= 20
    assert all(row.told[0] in readme_table() for row in claims)
    whole = page()
    assert all(row.told[1] in whole for topic in topics.values() for row in topic.rows)
    assert "/home/" not in whole
