"""A file appears whole or not at all, also when two write it at once."""

from pathlib import Path

import pytest

from retouch_nb.files import replacing, write_whole


def test_the_old_file_stays_until_the_new_one_is_right(tmp_path: Path) -> None:
    """An error while writing leaves the file that was there, and nothing else."""
    target = write_whole(tmp_path / "a.psd", b"old")
    with pytest.raises(ValueError), replacing(target) as partial:
        partial.write_text("half")
        raise ValueError
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_of_two_who_write_at_once_the_last_wins(tmp_path: Path) -> None:
    """Two kernels that fetch one result do not take each other's half-written file away."""
    target = tmp_path / "result.png"
    with replacing(target) as last:
        last.write_bytes(b"the la")
        write_whole(target, b"the first")
        assert target.read_bytes() == b"the first"
        last.write_bytes(b"the last")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the last"]


def test_the_longest_name_is_no_obstacle(tmp_path: Path) -> None:
    """What is written beside the target is not called after it, so it may have as many letters as a disk allows."""
    assert write_whole(tmp_path / ("a" * 251 + ".png"), b"x").read_bytes() == b"x"
