"""The embedded engine: the services' own HTTP contracts, answered by real image work, in process or on a port.

It reads the vendors' pages for itself and shares no declaration with the client, so that their agreement proves
something.
"""

from retouch_nb.engine.app import Engine, create_app
from retouch_nb.engine.faults import Fault, Faults
from retouch_nb.engine.settings import SERVED, EngineSettings

__all__ = ["SERVED", "Engine", "EngineSettings", "Fault", "Faults", "create_app"]
