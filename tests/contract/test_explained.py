"""The embedded engine tells what it does, and does the same whether anybody listens or not."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from retouch_nb.client import Route
from retouch_nb.contract import Operation, Provider
from retouch_nb.engine import Engine
from retouch_nb.providers import operations
from retouch_nb.providers.ailabtools import MatchStyle
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.session import Session

FACE = Image.fromarray(data.astronaut()[20:220, 120:320])


def marks() -> Any:
    """A wide spot and a scratch."""
    mask = np.zeros((200, 200), bool)
    mask[50:110, 70:130] = mask[20, 10:90] = True
    return mask


NOISY = Image.fromarray(
    np.clip(
        np.asarray(FACE) + np.random.default_rng(1).normal(0, 12, (200, 200, 3)), 0, 255
    ).astype(np.uint8)
)

TOLD: list[tuple[Callable[[], Operation], list[str]]] = [
    (
        lambda: Inpaint(FACE, marks()),
        ["What is to go", "filled: biharmonic", "filled: PatchMatch", "pyramid", "Guess 1", "best guess",
         "Worked out at", "Copied at full size", "Tones evened out"],
    ),
    (lambda: Enhance(FACE, scale_factor=2), ["looked at", "way is chosen", "Enlarged 2 times"]),
    (lambda: Enhance(NOISY, type="face", scale_factor=1), ["Skin", "Eyes, brows", "Noise and blur", "Colour noise"]),
    (lambda: RetouchObject(FACE, marks(), type="metal"), ["subject", "Light, apart", "What stays", "What changed"]),
    (lambda: MatchStyle(FACE, Image.fromarray(data.rocket()[:200, :200])), ["style, small", "colours moved", "How far"]),
    (lambda: Retouch(FACE, "Heal 1.0\nDodge Burn 1.0 0.2"), ["Faces", "Heal", "Dodge Burn: its layer", "laid on"]),
    (lambda: Retouch(FACE, "Crop"), ["Faces", "Crop"]),
    (lambda: Retouch(FACE, "Skin Mask", layers=True), ["Skin Mask: its layer"]),
]  # fmt: skip


@pytest.fixture
def session(home: Path) -> Iterator[Session]:
    made = Session(home=home, environ={})
    yield made
    made.close()


@pytest.mark.parametrize(("request_of", "told"), TOLD)
def test_every_operation_is_explained(
    session: Session, request_of: Callable[[], Operation], told: list[str]
) -> None:
    """Step by step, with pictures; the result is the same to the last bit."""
    plain = session.run(request_of())
    assert plain.explanation is None
    edit = session.run(request_of(), explain=True)
    assert edit.explanation is not None
    titles = " · ".join(moment.title for moment in edit.explanation.moments)
    assert [title for title in told if title not in titles] == [], titles
    assert edit.explanation.moments[0].picture is not None
    assert np.array_equal(edit.to_numpy(), plain.to_numpy())
    assert edit.explanation.title in edit._repr_html_()


def test_all_operations_are_among_them() -> None:
    """A new one must explain itself too."""
    assert {request_of().name for request_of, _ in TOLD} == set(operations())


def test_the_cache_does_not_silence_it(session: Session) -> None:
    """What is asked to be explained is done anew, for free."""
    first, again = (session.run(Enhance(FACE, scale_factor=1), explain=True) for _ in range(2))
    assert first.explanation is not None
    assert again.explanation is not None
    assert len(again.explanation.moments) == len(first.explanation.moments) > 0


def test_image_work_without_a_note_still_works(session: Session) -> None:
    """A user's own work need not know of notes as long as nobody asks."""
    session.engine = Engine(work={"fill": lambda pixels, area, *, progress, model: pixels})
    assert session.run(Inpaint(FACE, marks())).explanation is None


class Paid(Session):
    """Reaches a service that answers as PicWish does."""

    def _service_route(self, service: Provider) -> Route:
        return replace(self._engine_route(service), maker=service.title, free=False)


def test_services_do_not_tell(home: Path) -> None:
    """Asked of a service, the answer says so instead of making something up."""
    session = Paid(home=home, environ={"PICWISH_API_KEY": "k"})
    edit = session.run(Enhance(FACE, scale_factor=1), explain=True)
    session.close()
    assert edit.receipt.maker == "PicWish"
    assert edit.explanation is not None
    assert "PicWish does not tell" in edit.explanation.title
