"""AILabTools: give a photo the look of a reference picture, in one request that waits.

Three generations of its answer are in use; success needs every sign that is present to say so.
"""

import io
from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Annotated, Any

from PIL import Image

from retouch_nb.contract import (
    MB,
    Answer,
    Balance,
    Call,
    Finished,
    Limits,
    Operation,
    Outcome,
    Provider,
    Refused,
    Upload,
)
from retouch_nb.errors import (
    CredentialsError,
    OutOfCreditsError,
    PictureError,
    ProtocolError,
    RateLimitError,
    RefusedError,
    ServiceError,
    TaskFailedError,
)
from retouch_nb.photo import Photo
from retouch_nb.providers.refusals import MOVED
from retouch_nb.providers.words import address_of, engine_notes, one_line


def _credits(body: Mapping[str, Any]) -> str:
    """Read the amounts by the names the service gives them."""
    accounts = body.get("data")
    known = [a for a in accounts if isinstance(a, dict)] if isinstance(accounts, list) else []
    amounts = [
        f"{one_line(a.get('balance'))} {one_line(a.get('name')) or 'credits'}" for a in known
    ]
    if not amounts:
        raise ProtocolError("The answer does not tell the balance.", provider="AILabTools")
    return ", ".join(amounts)


AILABTOOLS = Provider(
    name="ailabtools",
    title="AILabTools",
    base_url="https://www.ailabapi.com",
    base_env="AILAB_BASE_URL",
    key_env="AILAB_API_KEY",
    key_page="https://www.ailabtools.com/user/key",
    key_header="ailabapi-api-key",
    per_second=3,
    polls=(5.0, 5.0),
    patience=120,
    result_hours=24,
    balance=Balance(Call("GET", "/api/common/query-credits"), _credits),
)

LIMITS = Limits(3 * MB, (33, 2999), formats=("JPEG", "PNG"))

MEANINGS: Mapping[str, str] = {
    "ERROR_NO_FACE_IN_FILE": "it finds no face in the picture",
    "ERROR_FACE_SIZE_RATIO_NOT_MET": "the face is too small in the picture",
    "ERROR_BLURRY_FACE": "the face is too blurry",
    "ERROR_CONTENT_NON_COMPLIANCE": "its safety review refused the picture",
    "FILE_SIZE_EXCEEDS_LIMIT": "the file has too many bytes",
    "FILE_RESOLUTION_EXCEEDS_LIMITS": "the picture has too many pixels",
    "UNSUPPORTED_FILE_TYPES": "it does not take this type of file",
    "FILE_DECODING_FAILURE": "it cannot decode the picture",
    "PROCESSING_FAILURE": "the processing failed",
    "ERROR_USER_LOCKED": "the account is locked",
    "ERROR_AI_NOT_EXISTS": "there is no such function at this address",
}

FAILED = {
    "ERROR_NO_FACE_IN_FILE",
    "ERROR_FACE_SIZE_RATIO_NOT_MET",
    "ERROR_BLURRY_FACE",
}
"""Codes of a photo that was taken and could not be worked on."""

SHORT = "ERROR_INSUFFICIENT_RESOURCES"
"""The service's own word that it took nothing for want of room; a gateway's 503 without it says nothing."""


class MatchStyle(Operation, name="match_style", provider=AILABTOOLS, limits=LIMITS):
    """Give a photo the colours and tones of a reference picture.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> cold, warm = np.full((2, 40, 60, 3), (90, 110, 140), np.uint8)
    >>> warm[..., 0] = 200
    >>> edit = rn.match_style(cold, warm, provider="local")
    >>> edit.after.size, bool(edit.to_numpy()[..., 0].mean() > 150)
    ((60, 40), True)
    """

    photo: Annotated[Photo, "The photo to change."]
    style: Annotated[Photo, "The picture whose look is wanted."]
    _: KW_ONLY
    shrink: Annotated[
        bool, "Make pictures that are too large for the service fit, instead of refusing them."
    ] = False

    def prepare(self) -> None:
        if self.shrink:
            object.__setattr__(self, "photo", fitting(self.photo))
            object.__setattr__(self, "style", fitting(self.style))

    def check(self) -> None:
        for called, picture in (("photo", self.photo), ("style picture", self.style)):
            try:
                LIMITS.check(picture, called=called)
            except PictureError as error:
                if self.shrink or min(picture.size) < LIMITS.sides[0]:
                    raise
                raise error.with_advice(
                    f"{error.advice} Or let it be made to fit: --shrink."
                ) from None

    def result_size(self) -> tuple[int, int] | None:
        return self.photo.size

    def submit(self) -> Call:
        return Call(
            "POST",
            "/api/image/editing/photo-retouching",
            files={"image": _upload("image", self.photo), "style": _upload("style", self.style)},
            waits=True,
        )

    def read(self, answer: Answer, ticket: str = "") -> Outcome:
        try:
            body = answer.json()
        except ProtocolError:
            if answer.status == 200:
                raise
            body = {}
        detail = body.get("error_detail")
        detail = detail if isinstance(detail, dict) else {}
        code = one_line(detail.get("code")) or one_line(body.get("error_code_str"))
        if answer.status != 200 or code or body.get("error_code") not in (None, "", 0, "0"):
            return _refusal(answer.status, code, body, detail)
        data = body.get("data")
        address = address_of(data.get("image_url")) if isinstance(data, dict) else ""
        if not address:
            raise ProtocolError(
                "The answer says that all went well and has no picture.",
                provider=AILABTOOLS.title,
                request_id=one_line(body.get("request_id")),
            )
        return Finished(Call("GET", address), one_line(body.get("request_id")), engine_notes(body))


def fitting(photo: Photo) -> Photo:
    """Make a photo that is too large, or of another format, fit the limits: smaller, then as JPEG.

    Examples
    --------
    >>> import numpy as np
    >>> fitting(Photo.open(np.zeros((3500, 100, 3), np.uint8))).size
    (86, 2999)
    """
    try:
        LIMITS.check(photo)
    except PictureError:
        return _smaller(photo)
    return photo


def _smaller(photo: Photo) -> Photo:
    picture = photo.to_pil()
    image = picture.convert("RGB")
    image.thumbnail((LIMITS.sides[1], LIMITS.sides[1]))
    data, quality = _packed(image, photo.icc_profile)
    while len(data) > LIMITS.most_bytes:
        image = image.resize((round(0.8 * image.width), round(0.8 * image.height)))
        data, quality = _packed(image, photo.icc_profile)
    note = f"Made to fit: {image.width} x {image.height}, JPEG quality {quality}."
    if "A" in picture.getbands():
        note += " Its transparency was left out."
    made = Photo.open(data)
    return Photo(
        made.data, made.format, made.size, photo.name, made.icc_profile, (*photo.notes, note)
    )


def _packed(image: Image.Image, profile: bytes | None) -> tuple[bytes, int]:
    """Encode as JPEG of the best quality that fits, else of the worst that is worth looking at."""
    for quality in (95, 90, 85, 75):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, icc_profile=profile)
        if buffer.tell() <= LIMITS.most_bytes:
            break
    return buffer.getvalue(), quality


def _upload(slot: str, photo: Photo) -> Upload:
    return Upload(
        f"{slot}.{'jpg' if photo.format == 'JPEG' else 'png'}", photo.media_type, photo.data
    )


def _refusal(status: int, code: str, body: Mapping[str, Any], detail: Mapping[str, Any]) -> Refused:
    """Turn status and code into an error; for 429 only the code tells whether to wait or to pay."""
    facts = {
        "provider": AILABTOOLS.title,
        "code": code or str(status),
        "request_id": one_line(body.get("request_id")) or one_line(body.get("log_id")),
    }
    if code == "ERROR_NOT_ENOUGH_CREDITS":
        advice = "Top up, or use --provider local."
        what = "AILabTools says that no credits are left."
        return Refused(OutOfCreditsError(what, advice=advice, **facts))
    if status == 401:
        what = f"AILabTools refused the key ({code or status})."
        return Refused(CredentialsError(what, advice="%retouch_nb login ailabtools"))
    if status == 429:
        return Refused(RateLimitError("AILabTools asks to slow down.", **facts), passing=True)
    why = MEANINGS.get(code) or _said(body, detail) or "without a reason"
    what = f"AILabTools refused: {why} ({code or status})."
    if code == "PROCESSING_FAILURE":
        advice = "Run it once more, or try another photo."
        return Refused(TaskFailedError(what, advice=advice, **facts))
    if status >= 500 or (status < 400 and not code):
        untouched = code == SHORT or status in MOVED
        return Refused(ServiceError(what, **facts), passing=status >= 500, untouched=untouched)
    if code in FAILED:
        return Refused(TaskFailedError(what, advice="Try another photo.", **facts))
    return Refused(RefusedError(what, **facts))


def _said(body: Mapping[str, Any], detail: Mapping[str, Any]) -> str:
    """Give the service's own words, wherever its generation of answers has them."""
    words = detail.get("code_message"), detail.get("message"), body.get("error_msg")
    return next(filter(None, map(one_line, words)), "")
