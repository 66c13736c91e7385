"""A session whose engine answers at once, and counts what it is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retouch_nb.engine import Engine
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo, Pixels
from retouch_nb.session import Session
from retouch_nb.sweep import Grid, Plan, laid_out, prepared


@dataclass
class Studio:
    """Image work that takes no time; what is in `fails` breaks."""

    asked: list[str] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)

    def enhance(self, pixels: Pixels, factor: int, /, *, kind: str, progress: Any) -> Pixels:
        self._ask(f"{kind} {factor}")
        return pixels.repeat(factor, 0).repeat(factor, 1) + np.uint8(kind == "face")

    def retouch(
        self,
        pixels: Pixels,
        subject: Any,
        /,
        *,
        retain: Any,
        kind: int,
        retouch_strength: float,
        line_strength: float,
        progress: Any,
    ) -> Pixels:
        self._ask(f"type {kind}, strength {retouch_strength:g}")
        return np.where(subject[..., None], np.uint8(kind * 10 + retouch_strength), pixels)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.fails:
            raise ValueError(f"{what} is broken")


@pytest.fixture
def studio() -> Studio:
    """Give the image work."""
    return Studio()


@pytest.fixture
def session(home: Path, studio: Studio) -> Iterator[Session]:
    """Give a session on it."""
    one = Session(home=home, environ={})
    one.engine = Engine(
        work={
            "enhance": studio.enhance,
            "retouch": studio.retouch,
            "automatic_factor": lambda w, h: 4,
        }
    )
    yield one
    one.close()


@pytest.fixture
def mask() -> Mask:
    """Give a mask that fits the photo."""
    pixels = np.zeros((48, 64), bool)
    pixels[20:28, 30:38] = True
    return Mask.open(pixels)


@dataclass(frozen=True)
class Tuner:
    """Sweeps in one session, without a view."""

    session: Session

    def plan(
        self, operation: Any, named: dict[str, Any], provider: Any = None, **options: Any
    ) -> Plan:
        made = prepared(laid_out(operation, named, provider), self.session, dry_run=True, **options)
        assert isinstance(made, Plan)
        return made

    def grid(
        self, operation: Any, named: dict[str, Any], provider: Any = None, **options: Any
    ) -> Grid:
        made = prepared(laid_out(operation, named, provider), self.session, **options)
        assert isinstance(made, Grid)
        return made

    def run(self, operation: Any, named: dict[str, Any], **options: Any) -> Grid:
        return self.grid(operation, named, **options).run(fresh=options.get("fresh", False))


@pytest.fixture
def tuner(session: Session) -> Tuner:
    """Give what makes plans and grids."""
    return Tuner(session)


@pytest.fixture
def enhancement(photo: Photo) -> dict[str, Any]:
    """Give two axes of two values."""
    return {"photo": photo, "type": ["clean", "face"], "scale_factor": [1, 2]}
