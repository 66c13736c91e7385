"""Retouch4me's wire, by literals from its pages."""

import json

import numpy as np
import pytest

from retouch_nb.contract import Accepted, Answer, Call, Finished, Pending, Refused
from retouch_nb.errors import (
    CredentialsError,
    OutOfCreditsError,
    ParameterError,
    PictureError,
    ProtocolError,
    RateLimitError,
    RefusedError,
    ResultExpiredError,
    ServiceError,
    TaskFailedError,
)
from retouch_nb.photo import Photo
from retouch_nb.providers.retouch4me import RETOUCH4ME, Retouch

PHOTO = Photo.open(np.full((60, 80, 3), 90, np.uint8))


def read(body: object, status: int = 200, ticket: str = "job-1") -> object:
    return Retouch.detached().read(Answer(status, {}, json.dumps(body).encode()), ticket)


def test_a_job_is_started_with_file_and_payload() -> None:
    """The payload is compact JSON in one field, the photo keeps its name and type."""
    call = Retouch(PHOTO, "Heal 0.8").submit()
    assert (call.method, call.path) == ("POST", "/api/v1/retoucher/start")
    assert dict(call.fields) == {
        "payload": '{"mode":"professional","tasks":[{"Plugin":"Heal","Scale":0,"Alpha1":0.8}]}'
    }
    assert (call.files["file"].file_name, call.files["file"].media_type) == (
        "photo.png",
        "image/png",
    )
    assert RETOUCH4ME.idempotent


def test_a_callback_address_is_passed_on() -> None:
    """Only https without a password in it; the result does not depend on it."""
    hooked = Retouch(PHOTO, hook="https://me.example/done")
    assert hooked.submit().fields["hook"] == "https://me.example/done"
    assert hooked.identity == Retouch(PHOTO).identity
    for wrong in ("http://me.example", "https://u:p@me.example", "ftp://x"):
        with pytest.raises(ParameterError, match="--hook"):
            Retouch(PHOTO, hook=wrong)


def test_a_started_job_has_an_id_and_a_quota() -> None:
    """What is left today is said to the user."""
    assert read({"status": 200, "id": "job-0001", "retouchQuota": 41}) == Accepted(
        "job-0001", remarks=("41 retouches left today.",)
    )


@pytest.mark.parametrize("state", ["waiting", "active", "delayed", "something new"])
def test_only_the_state_ends_a_job(state: str) -> None:
    """A progress of 100, a stale step and an unlisted state all mean: go on asking."""
    outcome = read(
        {
            "status": 200,
            "state": state,
            "progress": 100,
            "pluginName": "Heal",
            "attempt": 2,
            "maxAttempts": 3,
        }
    )
    queued = state in {"waiting", "delayed"}
    assert outcome == Pending(state, 1.0, "Heal, attempt 2 of 3", waits=queued)


def test_a_completed_job_is_fetched_by_its_id() -> None:
    """The result lies behind the job's id, escaped, on the same host."""
    assert read({"status": 200, "state": "completed"}, ticket="a/b") == Finished(
        Call("GET", "/api/v1/retoucher/getFile/a%2Fb"), "a/b"
    )


def test_a_failed_job_says_why() -> None:
    """The service's reason is in the error; attempts left do not matter."""
    outcome = read(
        {
            "status": 200,
            "state": "failed",
            "reason": "cannot decode",
            "attempt": 1,
            "maxAttempts": 3,
        }
    )
    assert isinstance(outcome, Refused)
    assert isinstance(outcome.error, TaskFailedError)
    assert "cannot decode" in outcome.error.what
    assert outcome.error.ticket == "job-1"


@pytest.mark.parametrize(
    ("code", "error", "passing"),
    [
        (400, RefusedError, False),
        (401, CredentialsError, False),
        (404, ResultExpiredError, False),
        (460, CredentialsError, False),
        (461, OutOfCreditsError, False),
        (462, RefusedError, False),
        (429, RateLimitError, True),
        (500, ServiceError, True),
    ],
)
def test_codes_count_in_the_http_status_and_in_the_body(
    code: int, error: type, passing: bool
) -> None:
    """Nobody says where 460 to 462 arrive, so both places are read."""
    for outcome in (
        read({"status": code, "message": "no"}, code),
        read({"status": code, "message": "no"}),
    ):
        assert isinstance(outcome, Refused)
        assert (type(outcome.error), outcome.passing) == (error, passing)


def test_a_missing_route_is_no_expired_result() -> None:
    """Before there is a job, 404 means a wrong address."""
    outcome = read({"status": 404}, 404, ticket="")
    assert isinstance(outcome, Refused)
    assert type(outcome.error) is RefusedError
    assert "RETOUCH4ME_BASE_URL" in outcome.error.advice


@pytest.mark.parametrize("body", [{"status": 200}, {"status": 200, "id": ""}, [], "x"])
def test_an_answer_that_makes_no_sense_is_not_trusted(body: object) -> None:
    """Neither id nor state: one typed error."""
    with pytest.raises(ProtocolError):
        read(body)


def test_layers_can_be_asked_for_at_once() -> None:
    """With layers every step that has one delivers it, and the output is a ZIP."""
    payload = json.loads(Retouch(PHOTO, "slight", layers=True).submit().fields["payload"])
    assert payload["outputFormat"] == "zip"
    assert {task["Layer"] for task in payload["tasks"]} == {1}


@pytest.mark.parametrize("format", ["WEBP", "TIFF", "BMP"])
def test_only_jpeg_and_png_are_taken(format: str) -> None:
    """Other formats are refused before the upload, and so are addresses."""
    with pytest.raises(PictureError, match=format):
        Retouch(Photo(PHOTO.data, format, PHOTO.size))
    with pytest.raises(PictureError, match="takes files"):
        Retouch("https://example.org/cat.jpg")


@pytest.mark.parametrize("status", [201, 302, 0, "ok"])
def test_a_status_that_is_no_refusal_names_its_job(status: object) -> None:
    """What says neither yes nor no may have been paid: its id is kept."""
    with pytest.raises(ProtocolError) as caught:
        read({"status": status, "id": "job-7"}, ticket="")
    assert caught.value.ticket == "job-7"
