"""What leaves with a photo: the picture, and nothing of what its file says beside it."""

import asyncio
import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from retouch_nb.client import Client, Route
from retouch_nb.config import Retouch
from retouch_nb.contract import Operation
from retouch_nb.credentials import Credentials
from retouch_nb.errors import PictureError, ServiceError
from retouch_nb.photo import Photo
from retouch_nb.providers.ailabtools import MatchStyle
from retouch_nb.providers.picwish import Enhance, Inpaint
from retouch_nb.session import Session

Body = Callable[..., bytes]


@pytest.fixture
def photo() -> Photo:
    """A photo that says where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[0x1B] = b"51 deg north"
    file = io.BytesIO()
    Image.fromarray(np.full((48, 64, 3), 99, np.uint8)).save(file, "JPEG", exif=exif)
    return Photo.open(file.getvalue())


class Listener(httpx.AsyncBaseTransport):
    """Hears what is sent, and refuses it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(await request.aread())
        return httpx.Response(400, json={"status": 400, "message": "no"})


@pytest.fixture
def body(home: Path) -> Callable[..., bytes]:
    """Give what a request is made of when it leaves."""

    def sent(operation: Operation, *, keep: bool = False) -> bytes:
        listener = Listener()
        route = Route(
            operation.provider, "http://x", "x", transport=listener, free=True, keep_metadata=keep
        )
        client = Client(home, credentials=Credentials({}))
        with suppress(ServiceError):
            asyncio.run(client.run(operation, route))
        client.close()
        return b"".join(listener.heard)

    return sent


def test_the_place_stays_at_home(photo: Photo, body: Body) -> None:
    """In every picture of a request; what leaves is the same picture."""
    assert b"51 deg north" in photo.data
    for operation in (
        Enhance(photo),
        Inpaint(photo, rectangles="1,1,5,5"),
        MatchStyle(photo, photo),
    ):
        sent = body(operation)
        assert b"51 deg north" not in sent
        picture = sent[sent.index(b"\xff\xd8") : sent.index(b"\xff\xd9") + 2]
        assert np.array_equal(Photo.open(picture).to_numpy(), photo.to_numpy())


def test_the_photo_in_hand_keeps_it(photo: Photo, body: Body) -> None:
    """Only what is sent is cleaned: the user's own file and the photo on the left stay as they are."""
    operation = Enhance(photo)
    body(operation)
    assert operation.photo.data == photo.data


def test_a_setting_sends_the_file_whole(photo: Photo, home: Path, body: Body) -> None:
    """Whoever wants the service to have it says so, at any time."""
    assert b"51 deg north" in body(Enhance(photo), keep=True)
    session = Session(Retouch(keep_metadata=True), home=home, environ={})
    assert session.route(Enhance, "cloud").keep_metadata
    session.settings.keep_metadata = False
    assert not session.route(Enhance, "cloud").keep_metadata


def test_what_cannot_be_cleaned_is_not_sent(photo: Photo, body: Body) -> None:
    """An error before the first byte, and not a silent upload."""
    odd = Photo(photo.data[:2] + b"?" + photo.data[2:], "JPEG", photo.size)
    with pytest.raises(PictureError, match="Nothing was sent"):
        body(Enhance(odd))
