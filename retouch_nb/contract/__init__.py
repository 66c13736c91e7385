"""What a service can do: one class per endpoint, whose fields are its parameters.

An `Operation` is pure. ``submit`` says which request starts it, ``poll`` which request asks after it, ``read``
what an answer means; the client does the sending. Facts of a service that all its operations share are its `Provider`.
"""

from retouch_nb.contract.exchange import (
    Accepted,
    Answer,
    Call,
    Finished,
    Outcome,
    Pending,
    Refused,
    Upload,
)
from retouch_nb.contract.operation import HasSettings, Kind, Operation, Price
from retouch_nb.contract.provider import MB, Balance, Limits, Provider, Published

__all__ = [
    "MB",
    "Accepted",
    "Answer",
    "Balance",
    "Call",
    "Finished",
    "HasSettings",
    "Kind",
    "Limits",
    "Operation",
    "Outcome",
    "Pending",
    "Price",
    "Provider",
    "Published",
    "Refused",
    "Upload",
]
