import asyncio
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from retouch_nb.errors import ParameterError
from retouch_nb.webhook import Webhook

PUBLIC = "https://photos.example.org/hooks"


@pytest.fixture
def calls() -> list[str]:
    """Give a list that grows with every call that is heard."""
    return []


@pytest.fixture
def hook(calls: list[str]) -> Webhook:
    """Give a receiver that fills it."""
    return Webhook(PUBLIC, heard=lambda: calls.append("heard"))


def ask(app: object, method: str, url: str, **options: object) -> int:
    """Send one request and give the status of its answer."""

    async def go() -> int:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.request(method, url, **options)).status_code  # type: ignore[arg-type]

    return asyncio.run(go())


def test_a_post_to_the_address_is_heard(hook: Webhook, calls: list[str]) -> None:
    """Whatever it says, and as often as it comes."""
    assert ask(hook, "POST", hook.url) == 204
    assert ask(hook, "POST", hook.url, content=b'{"state": "completed"') == 204
    assert calls == ["heard", "heard"]


def test_nothing_else_is_heard(hook: Webhook, calls: list[str]) -> None:
    """Neither another path nor another method; a wrong path does not tell what would be right."""
    for path in ("", "/", "/x", "/ä", hook.url[len(PUBLIC) : -1], f"/{'x' * 43}"):
        assert ask(hook, "POST", PUBLIC + path) == 404
        assert ask(hook, "GET", PUBLIC + path) == 404
    assert ask(hook, "GET", hook.url) == 405
    assert calls == []


def test_it_can_be_mounted_anywhere(hook: Webhook, calls: list[str]) -> None:
    """The application around it may strip a part of the path or not."""
    mounted = Starlette(routes=[Mount("/hooks", hook)])
    assert ask(mounted, "POST", hook.url) == 204
    assert calls == ["heard"]


def test_its_address_cannot_be_guessed_and_is_not_shown(hook: Webhook) -> None:
    """256 random bits, anew for each receiver; a repr in a notebook is read by others."""
    secret = urlsplit(hook.url).path.rpartition("/")[2]
    assert len(secret) == 43
    assert secret not in Webhook(PUBLIC, heard=print).url
    assert secret not in repr(hook)


@pytest.mark.parametrize(
    "public",
    [
        "",
        "x",
        "http://example.org",
        "ftp://example.org",
        "https://u:p@example.org",
        f"{PUBLIC}?a=1",
    ],
)
def test_the_address_must_be_public_and_plain(public: str) -> None:
    """https, and nothing secret in it."""
    with pytest.raises(ParameterError):
        Webhook(public, heard=print)
    for own in ("http://127.0.0.1:9/", "http://localhost/x", "http://[::1]:80"):
        assert Webhook(own, heard=print).url.startswith(own.rstrip("/"))


def test_only_http_is_spoken(hook: Webhook) -> None:
    """A server that asks for more is told so."""

    async def nothing(*message: object) -> dict[str, object]:
        return {}

    with pytest.raises(NotImplementedError):
        asyncio.run(hook({"type": "websocket"}, nothing, nothing))  # type: ignore[arg-type]
