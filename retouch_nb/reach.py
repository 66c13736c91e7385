"""Whether an address answers at all: its name is looked up and a connection made, and nothing is sent."""

import socket
import threading
import urllib.request
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

PATIENCE = 3.0
"""Seconds for a connection; looking up a name may take as long again."""


def reach(address: str, *, seconds: float = PATIENCE) -> str:
    """Say why an address cannot be reached; nothing when it can.

    Behind a proxy it is the proxy that is looked at, for no more can be told without sending something.

    Parameters
    ----------
    address : str
        ``https://host``, with a port or without.
    seconds : float, keyword-only
        How long a connection may take.

    Examples
    --------
    >>> with socket.create_server(("127.0.0.1", 0)) as there:
    ...     reach(f"http://127.0.0.1:{there.getsockname()[1]}")
    ''
    """
    parts = urlsplit(_proxy(address) or address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=seconds):
            return ""
    except socket.gaierror:
        return f"the name {parts.hostname} is not known here"
    except TimeoutError:
        return f"no connection within {seconds:g} s"
    except OSError as error:
        return (error.strerror or type(error).__name__).lower()


def reach_all(
    addresses: Iterable[str], *, reach: Callable[[str], str] = reach, seconds: float = 2 * PATIENCE
) -> dict[str, str]:
    """Look at several addresses at once, for so many seconds at most.

    Examples
    --------
    >>> reach_all(["https://a", "https://b"], reach=lambda address: "" if address[-1] == "a" else "gone")
    {'https://a': '', 'https://b': 'gone'}
    """
    found = dict.fromkeys(addresses, f"no answer within {seconds:g} s")
    threads = [
        threading.Thread(
            target=lambda one: found.update({one: reach(one)}), args=(one,), daemon=True
        )
        for one in list(found)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    return dict(found)


def _proxy(address: str) -> str:
    parts = urlsplit(address)
    if urllib.request.proxy_bypass(parts.netloc):
        return ""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all", "")
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"
