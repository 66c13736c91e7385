"""A small siege: what ``make load`` does with a thousand submissions, with sixty."""

from pathlib import Path

from tests.load.siege import besiege


def test_every_submission_ends_in_its_own_result_or_in_one_typed_error(home: Path) -> None:
    """With all faults switched on at random: no picture of somebody else, no task lost, nothing left open."""
    report = besiege(home, submissions=60, clients=12)
    assert sum(report.ends.values()) == 60
    assert report.ends["result"] >= 20
    assert len(report.struck) > 5
    assert report.findings() == []
