import socket

import pytest

from retouch_nb.engine.serve import address, serve


def test_an_address_is_a_url_in_both_families() -> None:
    """IPv6 is written in brackets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    if socket.has_dualstack_ipv6():
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
            assert address(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_a_port_that_is_taken_is_an_error_of_the_system() -> None:
    """The caller decides how to say it; nothing is printed and nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(OSError):
        serve("127.0.0.1", listener.getsockname()[1])
