import json
import subprocess
import sys

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from retouch_nb.engine.ailabtools import CODES, ENDS, MEANINGS, Problem, older
from retouch_nb.engine.dialects import refuse
from retouch_nb.engine.failures import Cause
from retouch_nb.engine.refusals import Refusal

FAILED = {
    "request_id": "r",
    "log_id": "l",
    "error_detail": {
        "code": "ERROR_NO_FACE_IN_FILE",
        "code_message": "No face detected in the file.",
        "message": "pic not has face",
    },
}


def request(path: str) -> Request:
    """Give a request for a path."""
    return Request(
        {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
    )


def test_the_oldest_generation_of_a_failure_is_the_pages_sample() -> None:
    """Literally, but for the text of error_msg, which is not fixed."""
    aged = older(FAILED, 422, generation=1)
    assert aged.pop("error_msg")
    assert aged == {
        "request_id": "r",
        "log_id": "l",
        "error_code": 422,
        "error_code_str": "FILE_CONTENT_NON_COMPLIANCE",
        "error_detail": {"status_code": 422, **FAILED["error_detail"]},  # type: ignore[dict-item]
    }


def test_the_middle_generation_lacks_what_is_being_retired() -> None:
    """Numbers only."""
    aged = older(FAILED, 422, generation=2)
    assert aged.keys() - FAILED.keys() == {"error_code"}
    assert aged["error_detail"]["status_code"] == 422


def test_matching_a_style_loads_only_its_own_image_work() -> None:
    """A service does not wait for what another one needs, nor fail with it."""
    program = (
        "import sys; from retouch_nb.engine.work import image_work; image_work()['match']\n"
        "others = ('enhance', 'objects', 'patchmatch', 'portrait')\n"
        "sys.exit(any(f'retouch_nb.imaging.{name}' in sys.modules for name in others))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_path_tells_in_whose_words_a_request_is_refused() -> None:
    """Two services share a body, the third has its own."""
    refusal = Refusal(429, "Too many.", retry_after=2)
    theirs = refuse(request("/api/image/editing/photo-retouching"), refusal)
    other = refuse(request("/api/v1/retoucher/start"), refusal)
    assert json.loads(theirs.body)["error_detail"]["code"] == "EXCEEDING_LIMITS"
    assert json.loads(other.body) == {"status": 429, "message": "Too many."}
    assert theirs.headers["retry-after"] == other.headers["retry-after"] == "2"


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (Problem(422, "FILE_DECODING_FAILURE", "x"), 422, "FILE_DECODING_FAILURE"),
        (Refusal(400, "x"), 400, "ERROR_PARAMETERS"),
        (Refusal(401, "x"), 401, "ERROR_USER_NOT_EXISTS"),
        (Refusal(413, "x"), 413, "FILE_SIZE_EXCEEDS_LIMIT"),
        (HTTPException(404, "Not Found"), 404, "ERROR_AI_NOT_EXISTS"),
        (HTTPException(405, "No", headers={"allow": "POST"}), 405, "ERROR_PARAMETERS"),
    ],
)
def test_every_refusal_has_a_code_of_the_page(refusal: Exception, status: int, code: str) -> None:
    """The status stays what it was."""
    answer = refuse(request("/api/image/x"), refusal)
    assert answer.status_code == status
    assert json.loads(answer.body)["error_detail"]["code"] == code
    assert ("allow" in answer.headers) == (status == 405)


def test_every_end_of_a_task_and_every_code_has_its_words() -> None:
    """So no cause is ever answered with a bare number."""
    assert set(ENDS) == set(Cause)
    assert {code for _, code in ENDS.values()} | set(CODES.values()) <= set(MEANINGS)
