"""Calling the address a client left, once its job is over, by the same rules by which pictures are fetched.

What the vendor sends to a hook is not published: the body is this engine's own, and says so.
"""

import json
import logging

import httpx

from retouch_nb.engine.failures import Failure
from retouch_nb.engine.fetch import MOST_CHARACTERS, SECONDS, Fuse, Resolve, judged, pinned, resolve
from retouch_nb.engine.refusals import Refusal

log = logging.getLogger("retouch_nb.engine")


def hook_of(text: str | None) -> str | None:
    """Check the address of a hook as far as it can be without asking for it; `Refusal` 400 otherwise."""
    if text is None:
        return None
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise Refusal(400, "hook is not an address.") from error
    if len(text) > MOST_CHARACTERS or url.scheme not in ("http", "https") or not url.host:
        raise Refusal(
            400, f"hook must be an http or https address of {MOST_CHARACTERS} characters."
        )
    if url.userinfo:
        raise Refusal(400, "hook must hold no user name and no password.")
    return text


def call(
    url: str,
    job_id: str,
    state: str,
    /,
    *,
    allow_private: bool = False,
    resolve: Resolve = resolve,
    transport: httpx.BaseTransport | None = None,
) -> None:
    """Tell an address once that a job is over; what it answers, a redirect included, is not looked at.

    Nobody waits for it, so what goes wrong is a line in the log.
    """
    told = {"id": job_id, "state": state, "sender": "retouch_nb embedded engine"}
    try:
        target = httpx.URL(url)
        address = judged(target, resolve, allow_private=allow_private)[0]
        request = pinned(target, address, method="POST", content=json.dumps(told).encode())
        request.headers["content-type"] = "application/json"
        with (
            Fuse(SECONDS) as fuse,
            httpx.Client(transport=transport, trust_env=False, timeout=SECONDS) as client,
        ):
            client.send(fuse.guarding(request), stream=True).close()
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, IndexError, Failure) as error:
        log.warning("The hook %s could not be called: %s", url.partition("?")[0], error)
