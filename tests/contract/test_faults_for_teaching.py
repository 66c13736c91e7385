"""What goes wrong on purpose, switched on by a teacher: with a setting in a notebook, with an option on a port."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from retouch_nb.config import Retouch
from retouch_nb.engine import Faults
from retouch_nb.errors import ParameterError, ServiceError, UnknownNameError
from retouch_nb.providers.picwish import Enhance
from retouch_nb.session import Session

ROOT = Path(__file__).parents[2]
PHOTO = np.full((20, 30, 3), 90, np.uint8)


@pytest.fixture
def session(home: Path) -> Iterator[Session]:
    made = Session(home=home, environ={})
    yield made
    made.close()


def test_a_setting_lets_the_next_run_fail(session: Session) -> None:
    """In the notebook's own engine; an empty list ends it, and nothing was paid."""
    session.settings.faults = ["unlisted-failure"]
    with pytest.raises(ServiceError, match="-6"):
        session.run(Enhance(PHOTO, scale_factor=1))
    session.settings.faults = []
    assert session.run(Enhance(PHOTO, scale_factor=1)).receipt.cost == "free"


def test_what_is_overcome_is_seen_in_the_receipt(session: Session) -> None:
    """Two refusals for going too fast cost two requests more, and no error."""
    plain = session.run(Enhance(PHOTO, scale_factor=1)).receipt.requests
    session.settings.faults = ["429=2"]
    again = session.run(Enhance(PHOTO, scale_factor=1), fresh=True)
    assert again.receipt.requests >= plain + 2


def test_a_setting_made_before_counts_too(home: Path) -> None:
    """As it stands in IPython's configuration."""
    session = Session(Retouch(faults=["truncated=0"]), home=home, environ={})
    assert session.engine.faults.on == {"truncated": None}
    session.close()


def test_a_wrong_name_is_guessed_at_and_switches_nothing(session: Session) -> None:
    """The error names what exists."""
    session.settings.faults = ["drop"]
    with pytest.raises(UnknownNameError, match="Did you mean 'truncated'"):
        session.settings.faults = ["slow", "truncate"]
    assert session.engine.faults.on == {"drop": 1}


@pytest.mark.parametrize(
    ("word", "on"), [("429", {"429": 1}), ("429=3", {"429": 3}), ("slow=0", {"slow": None})]
)
def test_a_word_says_how_often(word: str, on: dict[str, int | None]) -> None:
    """Once, so many times, or always."""
    faults = Faults()
    faults.switch(["drop"])
    faults.switch([word])
    assert faults.on == on


def test_how_often_is_a_number() -> None:
    """Anything else is an error that shows the form."""
    with pytest.raises(ParameterError, match="429=2"):
        Faults().switch(["429=often"])


def served(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "retouch_nb", "serve", "--port", "0", *options]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True)


def test_an_option_does_so_on_a_port() -> None:
    """From the first request on."""
    with served("--fault", "429", "--fault", "500") as process:
        assert process.stdout
        address = process.stdout.readline().split()[-1]
        seen = [httpx.get(address, trust_env=False).status_code for _ in range(3)]
        process.terminate()
    assert seen == [429, 500, 200]


def test_a_wrong_option_serves_nothing() -> None:
    """The command ends and says what there is."""
    with served("--fault", "earthquake") as process:
        assert process.stderr
        assert "earthquake" in process.stderr.read()
        assert process.wait(30) == 1
