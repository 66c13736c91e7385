"""Each service refuses in its own words; whose they are, the path tells."""

from starlette.requests import Request
from starlette.responses import Response

from retouch_nb.engine import ailabtools, refusals


def refuse(request: Request, refusal: Exception) -> Response:
    """Answer a request that is not accepted as the service it was meant for does."""
    theirs = request.url.path.startswith(ailabtools.PATHS)
    answer = ailabtools.refuse if theirs else refusals.refuse
    return answer(request, refusal)
