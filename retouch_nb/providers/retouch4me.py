"""Retouch4me: plug-ins applied in order to one photo; a flat picture, or a ZIP of layers.

Starting takes the token and an idempotency key; from then on the job's id alone opens status and result.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, replace
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from retouch_nb.contract import (
    MB,
    Accepted,
    Answer,
    Balance,
    Call,
    Finished,
    Limits,
    Operation,
    Outcome,
    Pending,
    Price,
    Provider,
    Published,
    Refused,
    Upload,
)
from retouch_nb.errors import (
    CredentialsError,
    OutOfCreditsError,
    ProtocolError,
    RateLimitError,
    RefusedError,
    ResultExpiredError,
    TaskFailedError,
)
from retouch_nb.params import Delivery, Reads
from retouch_nb.photo import Photo
from retouch_nb.providers.recipes import PRESETS, read_recipe
from retouch_nb.providers.refusals import Meaning, refusal
from retouch_nb.providers.steps import Recipe
from retouch_nb.providers.words import engine_notes, fraction, integer, one_line, ticket_of


def _remaining(body: Mapping[str, Any]) -> str:
    """Read what is left of each kind of credit that was asked for."""
    remaining = body.get("remaining")
    if not isinstance(remaining, dict) or integer(remaining.get("professional")) is None:
        raise ProtocolError("The answer does not tell the balance.", provider="Retouch4me")
    return f"{integer(remaining['professional'])} professional retouches"


def _limits(body: Mapping[str, Any], documented: Limits) -> Limits:
    """Read what the service takes, number by number; what makes no sense leaves what its page says."""
    image = body.get("image")
    if not isinstance(image, dict):
        raise ProtocolError("The answer does not tell the limits.", provider="Retouch4me")
    megabytes, megapixels = (
        max(integer(image.get(k)) or 0, 0) for k in ("maxFileSizeInMB", "maxMegapixels")
    )
    told = image.get("formats")
    words = {str(word).upper() for word in told} if isinstance(told, list) else set()
    formats = {"JPEG" if word == "JPG" else word for word in words} & {"JPEG", "PNG"}
    return replace(
        documented,
        most_bytes=megabytes * MB if megabytes else documented.most_bytes,
        most_pixels=megapixels * 1_000_000 if megapixels else documented.most_pixels,
        formats=tuple(sorted(formats)) or documented.formats,
    )


RETOUCH4ME = Provider(
    name="retouch4me",
    title="Retouch4me",
    base_url="https://retoucher.hz.labs.retouch4.me",
    base_env="RETOUCH4ME_BASE_URL",
    key_env="RETOUCH_TOKEN",
    key_page="https://retouch4.me/token_page",
    key_header="X-Retouch-Token",
    key_field="token",
    per_second=2,
    polls=(2.0, 5.0),
    patience=900,
    result_hours=24,
    idempotent=True,
    # Its page says that the route is not there at present, and what holds without it.
    published=Published(Call("GET", "/api/v1/info/limits"), _limits),
    balance=Balance(
        Call("POST", "/api/retouch/v1/balance", fields={"modes[]": "professional"}),
        _remaining,
        elsewhere={
            "base_url": "https://3dlutcreator.com",
            "base_env": "RETOUCH4ME_BALANCE_URL",
            "key_field": "retouchtoken",
        },
        refused=(401, 460),
    ),
)

REFUSED: dict[int, Meaning] = {
    401: (CredentialsError, "refused the token", "%retouch_nb login retouch4me"),
    404: (ResultExpiredError, "knows no such job", "Results live 24 hours."),
    429: (RateLimitError, "asks to slow down", ""),
    460: (CredentialsError, "knows no such token", "%retouch_nb login retouch4me"),
    461: (
        OutOfCreditsError,
        "says that the limit is reached",
        "Wait for the quota to renew, top up, or use --provider local.",
    ),
    462: (RefusedError, "does not accept the steps", "Nothing was retouched."),
}
"""460 to 462 are this service's own; they count in the HTTP status and in the body."""

NO_SERVICE: Meaning = (
    RefusedError,
    "takes no photos at this address",
    "Nothing was retouched. Look at RETOUCH4ME_BASE_URL.",
)
"""What 404 means before there is a job."""

QUEUED = {"waiting", "delayed"}
"""States of a job that nobody works on yet."""


def _hook(given: Any) -> str:
    parts = urlsplit(str(given))
    own = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    safe = parts.scheme == "https" or own
    if not safe or not parts.hostname or parts.username or parts.password:
        raise ValueError("an https address without user name and password")
    return str(given)


class Retouch(
    Operation,
    name="retouch",
    provider=RETOUCH4ME,
    limits=Limits(100 * MB, (1, 100_000), formats=("JPEG", "PNG"), most_pixels=250_000_000),
):
    """Retouch a portrait or a product photo with plug-ins, one after the other.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> photo = np.full((48, 64, 3), 120, np.uint8)
    >>> edit = rn.retouch(photo, "Dust 1.0", layers=True, provider="local")
    >>> edit.layers
    <LayerStack 64 x 48, 1 layer: Dust>
    """

    kinds = ("picture", "zip")
    within = "steps"

    photo: Annotated[Photo, "The photo: path, bytes, image, array or earlier result."]
    steps: Annotated[
        Recipe,
        "What to do: a preset, the vendor's JSON, or one step a line.",
        Reads(read_recipe, f"a preset ({', '.join(PRESETS)}), JSON, or lines such as 'Heal 1.0'"),
    ] = PRESETS["balanced"]
    _: KW_ONLY
    layers: Annotated[bool, "Deliver every step as a layer of its own."] = False
    format: Annotated[
        Literal["zip", "jpeg"] | None, "Output format; follows from the steps when left out."
    ] = None
    hook: Annotated[
        str | None,
        "Address the service calls when it is done; its domain must be approved.",
        Reads(_hook, "an https address (http for this machine alone)"),
        Delivery(),
    ] = None

    def prepare(self) -> None:
        recipe = self.steps.in_layers() if self.layers else self.steps
        chosen = self.format or recipe.output_format
        recipe = Recipe(recipe.steps, chosen, recipe.title).with_faces_found()
        object.__setattr__(self, "steps", recipe)

    def check(self) -> None:
        self.steps.check()

    def warnings(self) -> tuple[str, ...]:
        return (*super().warnings(), *self.steps.advice())

    def tasks(self) -> tuple[str, ...]:
        recipe = getattr(self, "steps", None)
        return tuple(step.plugin.name for step in recipe.steps) if recipe else ()

    def request(self) -> str:
        recipe = getattr(self, "steps", None)
        return recipe.payload if recipe else ""

    def in_layers(self) -> Operation:
        return self if self.steps.layered else self.replaced(layers=True)

    def result_size(self) -> tuple[int, int] | None:
        return None if "Crop" in self.tasks() else self.photo.size

    def alike(self) -> str:
        return ", ".join([self.name, *self.tasks(), *(["layers"] if self.steps.layered else [])])

    def price(self) -> Price:
        return Price(1, "a photo, whatever the number of steps")

    def submit(self) -> Call:
        hook = {"hook": self.hook} if self.hook else {}
        return Call(
            "POST",
            "/api/v1/retoucher/start",
            fields={"payload": self.steps.payload, **hook},
            files={"file": Upload.of(self.photo)},
        )

    def poll(self, ticket: str) -> Call:
        return Call("GET", f"/api/v1/retoucher/status/{quote(ticket, safe='')}")

    def read(self, answer: Answer, ticket: str = "") -> Outcome:
        meanings = REFUSED if ticket else REFUSED | {404: NO_SERVICE}
        if answer.status // 100 != 2:
            return refusal(RETOUCH4ME.title, meanings, answer.status, answer, ticket=ticket)
        body = answer.json()
        status = integer(body.get("status", 200))
        if status != 200:
            known = ticket or ticket_of(body.get("id"))
            return refusal(RETOUCH4ME.title, meanings, status or 0, answer, ticket=known)
        if isinstance(body.get("state"), str):
            return _state(body, ticket)
        started = ticket_of(body.get("id"))
        if not started:
            raise ProtocolError(
                "The answer names neither a job nor a state.", provider=RETOUCH4ME.title
            )
        return Accepted(started, remarks=_quota(body))


def _state(body: Mapping[str, Any], ticket: str) -> Outcome:
    """Read a status; only the state decides, a progress of 100 or a stale step does not."""
    match body["state"]:
        case "completed":
            address = f"/api/v1/retoucher/getFile/{quote(ticket, safe='')}"
            return Finished(Call("GET", address), ticket, engine_notes(body))
        case "failed":
            reason = one_line(body.get("reason")) or "without a reason"
            return Refused(
                TaskFailedError(
                    f"Retouch4me failed: {reason}.",
                    provider=RETOUCH4ME.title,
                    code="failed",
                    ticket=ticket,
                )
            )
        case state:
            return Pending(
                one_line(state, 20),
                fraction(body.get("progress")),
                _step(body),
                waits=state in QUEUED,
            )


def _step(body: Mapping[str, Any]) -> str:
    """Name what runs, and which try it is once there was a failed one."""
    attempt, most = integer(body.get("attempt")), integer(body.get("maxAttempts"))
    again = f", attempt {attempt} of {most}" if attempt and most and attempt > 1 else ""
    return (one_line(body.get("pluginName"), 40) or one_line(body.get("currentStep"), 40)) + again


def _quota(body: Mapping[str, Any]) -> tuple[str, ...]:
    left = integer(body.get("retouchQuota"))
    return () if left is None else (f"{left} retouches left today.",)
