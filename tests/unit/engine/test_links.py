import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import URL

from retouch_nb.engine.links import Links
from retouch_nb.engine.refusals import Refusal, refuse
from retouch_nb.engine.store import Product, Store, Stored

BASE = URL("http://engine/api/anything?x=1")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty store."""
    made = Store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def stored(store: Store) -> Stored:
    """Give a stored picture."""
    return store.put(Product(b"\x89PNG....", "image/png", ".png"))


def follow(links: Links, url: str | httpx.URL) -> httpx.Response:
    """Follow a link without a key."""
    app = Starlette(routes=links.routes(), exception_handlers={Refusal: refuse})

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.get(url)

    return asyncio.run(get())


def test_a_link_leads_to_the_bytes_without_a_key(store: Store, stored: Stored) -> None:
    """The signature is the permission, and the type is the picture's."""
    links = Links(store, clock=Clock())
    answer = follow(links, links.sign(BASE, stored, expires=1100))
    assert answer.status_code == 200
    assert answer.content == b"\x89PNG...."
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, no-store"


def test_every_signing_gives_another_link_on_the_same_origin(store: Store, stored: Stored) -> None:
    """Links are fresh at every query, and carry the suffix of what they lead to."""
    links = Links(store, clock=Clock())
    made = {links.sign(BASE, stored, expires=1100) for _ in range(10)}
    assert len(made) == 10
    assert {httpx.URL(link).host for link in made} == {"engine"}
    assert all(httpx.URL(link).path.endswith(".png") for link in made)


def test_a_link_ends_at_its_hour(store: Store, stored: Stored) -> None:
    """One second before it works, at the time it answers 403."""
    clock = Clock()
    links = Links(store, clock=clock)
    link = links.sign(BASE, stored, expires=1100)
    clock.now = 1099
    assert follow(links, link).status_code == 200
    clock.now = 1100
    answer = follow(links, link)
    assert (answer.status_code, answer.json()["status"]) == (403, 403)


@pytest.mark.parametrize(
    ("part", "value"),
    [("expires", "99999"), ("nonce", "another"), ("signature", "0" * 64), ("signature", "é")],
)
def test_an_altered_link_is_worthless(store: Store, stored: Stored, part: str, value: str) -> None:
    """No part of a link can be changed, its end least of all."""
    links = Links(store, clock=Clock())
    link = httpx.URL(links.sign(BASE, stored, expires=1100))
    assert follow(links, link.copy_set_param(part, value)).status_code == 403
    assert follow(links, link.copy_remove_param(part)).status_code == 403


def test_a_link_of_one_engine_is_worthless_at_another(store: Store, stored: Stored) -> None:
    """Every engine signs with a secret of its own."""
    link = Links(store, clock=Clock()).sign(BASE, stored, expires=1100)
    assert follow(Links(store, clock=Clock()), link).status_code == 403


def test_a_signed_link_to_a_dropped_result_answers_404(store: Store, stored: Stored) -> None:
    """Gone is gone, and says so as a service does."""
    links = Links(store, clock=Clock())
    link = links.sign(BASE, stored, expires=1100)
    store.drop(stored)
    answer = follow(links, link)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
