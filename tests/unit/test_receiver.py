import asyncio
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from retouch_nb.errors import ParameterError
from retouch_nb.receiver import Webhook

PUBLIC = "https://photos.example.org/hooks"


@pytest.fixture
def calls() -> list[str]:
    """Give a list that grows with every call that is heard."""
    return []


@pytest.fixture
def hook(calls: list[str]) -> Webhook:
    """Give a receiver that fills it."""
    return Webhook(PUBLIC, heard=calls.append)


def ask(app: object, method: str, url: str, **options: object) -> int:
    """Send one request and give the status of its answer."""

    async def go() -> int:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.request(method, url, **options)).status_code  # type: ignore[arg-type]

    return asyncio.run(go())


def test_a_post_to_the_address_is_heard(hook: Webhook, calls: list[str]) -> None:
    """Whatever it says, and as often as it comes."""
    assert ask(hook, "POST", hook.address("j1")) == 204
    assert ask(hook, "POST", hook.address("j1"), content=b'{"state": "completed"') == 204
    assert calls == ["j1", "j1"]


def test_nothing_else_is_heard(hook: Webhook, calls: list[str]) -> None:
    """Neither another path nor another method; a wrong path does not tell what would be right."""
    for path in (
        "",
        "/",
        "/x",
        "/ä",
        hook.address("j1")[len(PUBLIC) : -1],
        f"/j1-{'x' * 64}",
        f"/j2{hook.address('j1')[-65:]}",
    ):
        assert ask(hook, "POST", PUBLIC + path) == 404
        assert ask(hook, "GET", PUBLIC + path) == 404
    assert ask(hook, "GET", hook.address("j1")) == 405
    assert calls == []


def test_it_can_be_mounted_anywhere(hook: Webhook, calls: list[str]) -> None:
    """The application around it may strip a part of the path or not."""
    mounted = Starlette(routes=[Mount("/hooks", hook)])
    assert ask(mounted, "POST", hook.address("j1")) == 204
    assert calls == ["j1"]


def test_its_address_cannot_be_guessed_and_is_not_shown(hook: Webhook) -> None:
    """256 bits, others for each job and each receiver; a repr in a notebook is read by others."""
    seal = urlsplit(hook.address("j1")).path.rpartition("-")[2]
    assert len(seal) == 64
    assert hook.address("j1").endswith(seal)
    assert not hook.address("j2").endswith(seal)
    assert not Webhook(PUBLIC, heard=print).address("j1").endswith(seal)
    assert seal not in repr(hook)


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
        assert Webhook(own, heard=print).address("j1").startswith(own.rstrip("/"))


def test_a_closed_receiver_hears_nothing(hook: Webhook, calls: list[str]) -> None:
    """Its addresses are gone."""
    with hook:
        assert ask(hook, "POST", hook.address("j1")) == 204
    assert ask(hook, "POST", hook.address("j1")) == 404
    assert calls == ["j1"]


def test_only_http_is_spoken(hook: Webhook) -> None:
    """A server that asks for more is told so."""

    async def nothing(*message: object) -> dict[str, object]:
        return {}

    with pytest.raises(NotImplementedError):
        asyncio.run(hook({"type": "websocket"}, nothing, nothing))  # type: ignore[arg-type]
