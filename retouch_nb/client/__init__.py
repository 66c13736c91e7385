"""The client: money-safe requests to services and to the embedded engine.

One job goes through `client` (is it cached, under way, paid for?), `errand` (send, ask, fetch), `wire` and `download`; what to
do about every answer is decided in `task`, and `journal` remembers.
"""

from retouch_nb.client.client import Client, Forecast, Result
from retouch_nb.client.journal import Entry
from retouch_nb.client.task import Event, State
from retouch_nb.client.wire import Route, Timeouts

__all__ = ["Client", "Entry", "Event", "Forecast", "Result", "Route", "State", "Timeouts"]
