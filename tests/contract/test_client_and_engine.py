"""The client against the engine, two independent readings of one page: what one sends, the other understands.

Everything is real but the image work, which is a quick stand-in; the wire is ASGI, and in one test a port.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retouch_nb.config import Retouch as Settings
from retouch_nb.engine import Engine
from retouch_nb.errors import CredentialsError, TaskFailedError
from retouch_nb.photo import Photo, Pixels
from retouch_nb.providers.ailabtools import MatchStyle
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.session import Session

SPOT = np.zeros((48, 64), bool)
SPOT[20:28, 30:38] = True


def fill(pixels: Pixels, hole: Any, /, *, progress: Any, model: Any = None) -> Pixels:
    progress(0.5)
    return np.where(hole[..., None], np.uint8(200), pixels)


def enhance(pixels: Pixels, factor: int, /, *, kind: str, progress: Any) -> Pixels:
    return pixels.repeat(factor, 0).repeat(factor, 1) + np.uint8(kind == "face")


def retouch(
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
    inside = subject if retain is None else subject & ~retain
    return np.where(inside[..., None], np.uint8(kind * 10 + retouch_strength), pixels)


WORK = {"fill": fill, "enhance": enhance, "automatic_factor": lambda w, h: 4, "retouch": retouch}


@pytest.fixture
def session(home: Path) -> Iterator[Session]:
    one = Session(home=home, environ={})
    one.engine = Engine(work=WORK)
    yield one
    one.close()


def test_removal_changes_the_mask_and_nothing_else(session: Session, photo: Photo) -> None:
    """A PNG comes back lossless, so every pixel outside the mask is the one that was sent."""
    after = session.run(Inpaint(photo, SPOT)).to_numpy()
    assert (after[SPOT] == 200).all()
    assert np.array_equal(after[~SPOT], photo.to_numpy()[~SPOT])


def test_rectangles_mean_the_same_as_their_mask(session: Session, photo: Photo) -> None:
    """Both readings agree on corner, order and unit of a rectangle."""
    edit = session.run(Inpaint(photo, rectangles=[(30, 20, 8, 8)]))
    assert np.array_equal(edit.to_numpy(), session.run(Inpaint(photo, SPOT)).to_numpy())


@pytest.mark.parametrize(
    "delivery",
    [
        {},
        {"sync": True},
        {"return_type": 2},
        {"sync": True, "return_type": 2},
        {"sync": True, "return_type": 3},
    ],
)
def test_every_way_of_delivery_brings_the_same_picture(
    session: Session, photo: Photo, delivery: Mapping[str, Any]
) -> None:
    """By address, as base64, as the body itself; waiting or polling: the bytes mean one picture."""
    edit = session.run(Enhance(photo, scale_factor=2, **delivery))
    assert edit.after.size == (128, 96)
    assert np.array_equal(edit.to_numpy(), photo.to_numpy().repeat(2, 0).repeat(2, 1))


def test_type_and_automatic_factor_reach_the_work(session: Session, photo: Photo) -> None:
    """A factor that is left out is chosen by the engine; face is told from clean."""
    assert session.run(Enhance(photo)).after.size == (256, 192)
    clean, face = (
        session.run(Enhance(photo, type=t, scale_factor=1)).to_numpy() for t in ("clean", "face")
    )
    assert (face == clean + 1).all()


def test_object_retouching_takes_all_its_parameters(session: Session, photo: Photo) -> None:
    """Type, strength, subject and retain mask arrive as they were meant."""
    retain = SPOT & (np.arange(64) < 34)
    after = session.run(
        RetouchObject(photo, SPOT, retain_mask=retain, type="metal", retouch_strength=7)
    ).to_numpy()
    assert (after[SPOT & ~retain] == 47).all()
    assert np.array_equal(after[~SPOT | retain], photo.to_numpy()[~SPOT | retain])


def test_the_same_request_is_free_the_second_time(session: Session, photo: Photo) -> None:
    """Same photo, mask and parameters: the kept result, without a request; fresh asks again."""
    first, second = (session.run(Inpaint(photo, SPOT)) for _ in range(2))
    assert (first.receipt.cached, second.receipt.cached) == (False, True)
    assert second.receipt.requests == 0
    assert not session.run(Inpaint(photo, SPOT), fresh=True).receipt.cached


def test_a_result_is_a_photo_again(session: Session, photo: Photo) -> None:
    """What one operation gave, the next one takes."""
    removed = session.run(Inpaint(photo, SPOT))
    assert session.run(Enhance(removed, scale_factor=2)).before.digest == removed.after.digest


def test_a_failed_task_is_a_typed_error_and_a_row(session: Session, photo: Photo) -> None:
    """Work that breaks ends the wait with the engine's state, and the journal says so."""

    def breaks(*_: Any, **__: Any) -> Pixels:
        raise MemoryError

    session.engine.close()
    session.engine = Engine(work={**WORK, "enhance": breaks})
    with pytest.raises(TaskFailedError) as caught:
        session.run(Enhance(photo, scale_factor=2))
    assert caught.value.code == "-1"
    assert caught.value.what.startswith("The embedded engine failed")
    assert [row.state for row in session.jobs()] == ["failed"]


def test_a_job_of_an_earlier_session_is_listed_and_its_result_still_there(
    home: Path, session: Session, photo: Photo
) -> None:
    """Another session on the same home lists the job, and resuming it brings the picture."""
    edit = session.run(Inpaint(photo, SPOT))
    later = Session(home=home, environ={})
    (row,) = later.jobs()
    assert (row.service, row.operation, row.state) == ("embedded engine", "inpaint", "done")
    again = later.resume(row.id).result()
    assert np.array_equal(again.to_numpy(), edit.to_numpy())
    assert again.before is None
    later.close()


def test_a_key_sends_the_cell_to_the_service(home: Path) -> None:
    """Automatic means: the service where a key is configured, at the address of the environment."""
    environ = {"PICWISH_API_KEY": "k-123456", "PICWISH_BASE_URL": "https://example.test/"}
    session = Session(home=home, environ=environ)
    route = session.route(Enhance)
    assert (route.maker, route.base_url, route.free) == ("PicWish", "https://example.test", False)
    assert session.route(Enhance, "local").free
    assert Session(home=home, environ={}).route(Enhance).free
    with pytest.raises(CredentialsError, match="PICWISH_API_KEY"):
        Session(Settings(backend="cloud"), home=home, environ={}).run(
            Enhance(np.zeros((20, 20, 3), np.uint8))
        )


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the embedded engine on a port of its own, with its real image work and one key."""
    words = [sys.executable, "-m", "retouch_nb", "serve", "--port", "0", "--key", "k-canary-1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        line = served.stdout.readline()
        assert line.startswith("serving on http://127.0.0.1:")
        yield line.removeprefix("serving on ").strip()
        served.terminate()


def test_the_same_call_goes_over_the_wire(home: Path, address: str, photo: Photo) -> None:
    """With key and address set, the request crosses a real port, and the picture equals the one made in process."""
    environ = {"PICWISH_API_KEY": "k-canary-1", "PICWISH_BASE_URL": address}
    session = Session(home=home, environ=environ)
    edit = session.run(Inpaint(photo, SPOT))
    assert edit.receipt.maker == "PicWish"
    assert edit.receipt.task_id
    here = session.run(Inpaint(photo, SPOT), provider="local")
    assert np.array_equal(edit.to_numpy(), here.to_numpy())
    assert session.balance(Inpaint.provider).endswith("credits")
    session.close()
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"k-canary-1" not in kept


@pytest.mark.parametrize(
    ("operation", "words"),
    [(Inpaint, "credits"), (MatchStyle, "credits"), (Retouch, "professional retouches")],
)
def test_every_service_tells_what_is_left(
    home: Path, address: str, operation: Any, words: str
) -> None:
    """Each balance is asked for in its own way, at its own address, and comes back as words; a wrong key is named."""
    service = operation.provider
    environ = {service.key_env: "k-canary-1", service.base_env: address}
    session = Session(home=home, environ={**environ, "RETOUCH4ME_BALANCE_URL": address})
    assert words in session.balance(service)
    session.close()
    wrong = Session(
        home=home, environ={**environ, "RETOUCH4ME_BALANCE_URL": address, service.key_env: "wrong"}
    )
    with pytest.raises(CredentialsError, match=f"login {service.name}"):
        wrong.balance(service)
    wrong.close()


def test_a_key_for_another_host_is_not_shown_to_the_vendor(home: Path, address: str) -> None:
    """Where Retouch4me is somewhere else, so is its balance: without an address of that, nothing is asked."""
    session = Session(home=home, environ={"RETOUCH_TOKEN": "k", "RETOUCH4ME_BASE_URL": address})
    assert "RETOUCH4ME_BALANCE_URL must be set" in session.balance(Retouch.provider)


def test_a_wrong_key_is_refused_with_where_to_put_the_right_one(
    home: Path, address: str, photo: Photo
) -> None:
    """401 becomes an error about the key, and its row says that nothing was made."""
    session = Session(
        home=home, environ={"PICWISH_API_KEY": "wrong-key", "PICWISH_BASE_URL": address}
    )
    with pytest.raises(CredentialsError, match="login picwish"):
        session.run(Inpaint(photo, SPOT))
    assert [row.state for row in session.jobs()] == ["failed"]
    session.close()


def test_what_the_server_refuses_is_said_in_its_own_words(home: Path, address: str) -> None:
    """A rule that only the service knows comes back as a refusal with its message."""
    session = Session(
        home=home, environ={"PICWISH_API_KEY": "k-canary-1", "PICWISH_BASE_URL": address}
    )
    with pytest.raises(TaskFailedError, match="address"):
        session.run(Inpaint("http://127.0.0.1:1/cat.png", rectangles=[(1, 1, 2, 2)]))
    session.close()
