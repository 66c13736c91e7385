import asyncio
import gzip
import io
import tracemalloc
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from retouch_nb.client import Route, Timeouts
from retouch_nb.client.download import Landed, Missed, Seen, download, land, look
from retouch_nb.client.wire import Wire
from retouch_nb.contract import Call
from retouch_nb.errors import HomeError
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import PICWISH

PICTURE = Photo.open(np.full((20, 30, 3), 90, np.uint8)).data
LINK = "https://results.example/a.png?signature=s"


def fetch(
    handle: Callable[[httpx.Request], httpx.Response],
    folder: Path,
    link: str = LINK,
    *,
    inside: bool = True,
    base: str = "https://service.example",
    **options: Any,
) -> Landed | Missed:
    """Download through a transport; `inside` lets http pass as it does for the embedded engine."""
    route = Route(PICWISH, base, "PicWish", transport=httpx.MockTransport(handle))
    if not inside:
        object.__setattr__(route, "transport", None)
    wire = Wire(Timeouts())
    wire._transport = lambda r, q: httpx.MockTransport(handle)  # type: ignore[method-assign]
    return asyncio.run(download(wire, route, Call("GET", link), folder, **options))


class Dripping(httpx.AsyncByteStream):
    """Gives chunks, then breaks or ends."""

    def __init__(self, chunks: list[bytes], error: Exception | None = None) -> None:
        self.chunks, self.error = chunks, error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        if self.error:
            raise self.error


def nothing_left(folder: Path) -> bool:
    """Tell whether a folder is empty."""
    return not folder.exists() or not list(folder.iterdir())


def test_a_result_lands_whole_under_a_passing_name(home: Path) -> None:
    """Bytes, size and digest are those that were sent, and the fraction is told."""
    told: list[float] = []
    landed = fetch(lambda r: httpx.Response(200, content=PICTURE), home, progress=told.append)
    assert isinstance(landed, Landed)
    assert landed.path.read_bytes() == PICTURE
    assert landed.size == len(PICTURE)
    assert told[-1] == 1.0


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refused_link_is_gone(home: Path, status: int) -> None:
    """These are worth asking the task for a fresh link."""
    missed = fetch(lambda r: httpx.Response(status, text="<Error/>"), home)
    assert isinstance(missed, Missed)
    assert missed.gone
    assert nothing_left(home)


@pytest.mark.parametrize("status", [201, 204, 400, 429, 500, 503])
def test_any_other_answer_is_missed_for_now(home: Path, status: int) -> None:
    """An error page is not written to disk as a picture."""
    missed = fetch(lambda r: httpx.Response(status, text="sorry"), home)
    assert isinstance(missed, Missed)
    assert not missed.gone
    assert str(status) in missed.why
    assert nothing_left(home)


@pytest.mark.parametrize(
    "error",
    [httpx.ReadError("reset"), httpx.ReadTimeout("slow"), ValueError("odd"), OSError("odd")],
)
def test_a_download_that_breaks_leaves_nothing(home: Path, error: Exception) -> None:
    """Half a file is removed, whatever broke."""
    body = Dripping([PICTURE[:50]], error)
    missed = fetch(lambda r: httpx.Response(200, stream=body), home)
    assert isinstance(missed, Missed)
    assert nothing_left(home)


def test_a_download_that_ends_early_is_noticed(home: Path) -> None:
    """Fewer bytes than announced are not a result."""
    headers = {"content-length": str(len(PICTURE))}
    body = Dripping([PICTURE[:50]])
    missed = fetch(lambda r: httpx.Response(200, headers=headers, stream=body), home)
    assert missed == Missed("the download was cut short")
    assert nothing_left(home)


@pytest.mark.parametrize("announced", [True, False])
def test_too_much_is_not_taken(home: Path, announced: bool) -> None:
    """Neither an announced nor a silent flood fills the disk."""
    taken: list[int] = []

    class Flood(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for n in range(1000):
                taken.append(n)
                yield bytes(1000)

    headers = {"content-length": "1000000"} if announced else {}
    missed = fetch(
        lambda r: httpx.Response(200, headers=headers, stream=Flood()), home, most_bytes=5000
    )
    assert isinstance(missed, Missed)
    assert len(taken) <= 6
    assert nothing_left(home)


def test_redirects_are_followed_a_few_times(home: Path) -> None:
    """Five are followed, relative ones too; a circle ends."""

    def hop(request: httpx.Request) -> httpx.Response:
        n = int(request.url.params.get("n", "0"))
        if n == 5:
            return httpx.Response(200, content=PICTURE)
        return httpx.Response(302, headers={"location": f"/b.png?n={n + 1}"})

    assert isinstance(fetch(hop, home), Landed)
    circle = fetch(lambda r: httpx.Response(302, headers={"location": str(r.url)}), home)
    assert circle == Missed("the link leads on more than 5 times")


@pytest.mark.parametrize(
    "target", ["http://results.example/a", "http://127.0.0.1/a", "ftp://x/a", "file:///etc/passwd"]
)
def test_a_redirect_never_leaves_https(home: Path, target: str) -> None:
    """From https to anything less is refused before a byte is asked for."""
    seen: list[str] = []

    def hop(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(302, headers={"location": target})

    assert isinstance(fetch(hop, home), Missed)
    assert seen == [LINK]


def test_a_plain_link_is_asked_for_over_https(home: Path) -> None:
    """Paid results are not lost to a service that still writes http; this machine is left as it is."""
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, content=PICTURE)

    fetch(handle, home, "http://results.example/a.png?signature=s", inside=False)
    here = "http://127.0.0.1:8765"
    fetch(handle, home, f"{here}/a.png", inside=False, base=here)
    assert seen == [LINK, f"{here}/a.png"]
    assert isinstance(fetch(handle, home, "http://results.example:81/a", inside=False), Missed)
    assert len(seen) == 2


@pytest.mark.parametrize("link", ["http://127.0.0.1:8888/api", "https://localhost/a.png"])
def test_a_service_elsewhere_does_not_make_us_knock_at_our_own_doors(home: Path, link: str) -> None:
    """A link, or where it leads on to, is not followed to this machine unless the service is there itself."""
    seen: list[str] = []

    def hop(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(302, headers={"location": "https://[::1]/a.png"})

    assert fetch(hop, home, link, inside=False) == Missed("the link leads to this machine")
    assert fetch(hop, home, inside=False) == Missed("the link leads to this machine")
    assert seen == [LINK]


@pytest.mark.parametrize("packed", [gzip.compress(PICTURE, mtime=0), zlib.compress(PICTURE)])
def test_a_picture_that_comes_packed_is_unpacked(home: Path, packed: bytes) -> None:
    """Some servers pack whatever they are asked."""
    name = "gzip" if packed.startswith(b"\x1f\x8b") else "deflate"
    landed = fetch(lambda r: answered(packed, name), home)
    assert isinstance(landed, Landed)
    assert landed.path.read_bytes() == PICTURE


@pytest.mark.parametrize("name", ["gzip, gzip", "br", "zstd", "gzip"])
def test_a_picture_packed_in_odd_ways_is_no_result(home: Path, name: str) -> None:
    """Packed twice, packed as was not asked for, or not really packed: nothing is unpacked, nothing stays."""
    assert isinstance(fetch(lambda r: answered(b"not packed", name), home), Missed)
    assert isinstance(fetch(lambda r: answered(gzip.compress(PICTURE)[:-9], "gzip"), home), Missed)
    assert nothing_left(home)


def test_a_bomb_in_the_packing_takes_no_memory(home: Path) -> None:
    """64 MB of nothing in 64 kB are counted a megabyte at a time, and left at the limit."""
    bomb = gzip.compress(bytes(64_000_000))
    tracemalloc.start()
    missed = fetch(lambda r: answered(bomb, "gzip"), home, most_bytes=5_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(missed, Missed)
    assert peak < 6_000_000


def answered(packed: bytes, name: str) -> httpx.Response:
    """Give bytes that are said to be packed."""
    return httpx.Response(200, headers={"content-encoding": name}, stream=Dripping([packed]))


def test_a_link_never_carries_the_key(home: Path) -> None:
    """Not to another host, not on a redirect, not even to the service itself."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=PICTURE)

    fetch(handle, home)
    fetch(handle, home, "/api/file/1")
    assert seen[1].url.host == "service.example"
    assert not any(PICWISH.key_header in request.headers for request in seen)


def test_a_disk_that_fails_is_our_own_trouble(tmp_path: Path) -> None:
    """It is raised, not taken for a broken download and tried again."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HomeError):
        fetch(lambda r: httpx.Response(200, content=PICTURE), tmp_path / "file" / "cache")


def zipped() -> bytes:
    """Make a small archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("layer.png", PICTURE)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "kinds", "seen"),
    [
        (PICTURE, ("picture",), ("picture", "png")),
        (PICTURE, ("picture", "zip"), ("picture", "png")),
        (zipped(), ("picture", "zip"), ("zip", "zip")),
    ],
)
def test_what_was_asked_for_is_recognised_by_its_bytes(
    home: Path, data: bytes, kinds: Any, seen: tuple[str, str]
) -> None:
    """Names and declared types do not count."""
    found = look(land(data, home).path, kinds)
    assert isinstance(found, Seen)
    assert (found.kind, found.ending) == seen
    assert (found.photo is not None) == (found.kind == "picture")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no picture"),
        (b'{"status": 401}', 'begins with \'{"status"'),
        (b"<!doctype html><title>x", "begins with '<!doctype"),
        (b"GIF89a" + bytes(40), "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "no picture"),
        (PICTURE[:-30], "unusable"),
        (PICTURE[:12], "unusable"),
        (zipped(), "no picture"),
    ],
)
def test_what_is_no_result_is_not_taken_for_one(home: Path, data: bytes, why: str) -> None:
    """Error pages, other formats, broken pictures and unasked archives; formats with a past are not even opened."""
    found = look(land(data, home).path, ("picture",))
    assert isinstance(found, Missed)
    assert why in found.why


def test_a_zip_without_an_end_is_cut_short(home: Path) -> None:
    """An archive that was cut is fetched again rather than kept."""
    found = look(land(zipped()[:-10], home).path, ("picture", "zip"))
    assert found == Missed("the ZIP is cut short")


def test_a_bomb_is_not_decoded(home: Path) -> None:
    """A picture that claims more pixels than any service makes is refused by its header."""
    huge = bytearray(PICTURE)
    at = huge.index(b"IHDR") + 4
    huge[at : at + 8] = (60_000).to_bytes(4) * 2
    found = look(land(bytes(huge), home).path, ("picture",))
    assert isinstance(found, Missed)
