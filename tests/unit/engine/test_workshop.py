"""What the services of an engine share."""

import threading
from concurrent.futures import ThreadPoolExecutor

from retouch_nb.engine.links import Links
from retouch_nb.engine.rate import Rate
from retouch_nb.engine.settings import EngineSettings
from retouch_nb.engine.store import Store
from retouch_nb.engine.tasks import Tasks
from retouch_nb.engine.workshop import LOOKS, Workshop


def test_few_uploads_are_looked_into_at_once() -> None:
    """Forty threads that each hold a hundred megabytes would be four gigabytes."""
    store = Store()
    settings, tasks, links = EngineSettings(), Tasks(store), Links(store)
    shop = Workshop(settings, float, dict, tasks, links, Rate(None), "1")
    counted, together = threading.Lock(), threading.Barrier(LOOKS, timeout=20)
    now = most = 0

    def held(number: int) -> int:
        nonlocal now, most
        with counted:
            now += 1
            most = max(most, now)
        together.wait()
        with counted:
            now -= 1
        return number

    with ThreadPoolExecutor(4 * LOOKS) as pool:
        numbers = list(pool.map(lambda number: shop.look(held, number), range(4 * LOOKS)))
    assert numbers == list(range(4 * LOOKS))
    assert most == LOOKS
    store.close()
