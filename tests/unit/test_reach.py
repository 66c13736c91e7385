"""Looking whether somebody is there, without a word."""

import socket
import threading

from retouch_nb.reach import reach, reach_all


def test_who_listens_is_reached_and_gets_nothing() -> None:
    """A connection is made and closed; not one byte is sent."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as there:

        def listen() -> None:
            heard.append(there.accept()[0].recv(10))

        thread = threading.Thread(target=listen)
        thread.start()
        assert reach(f"http://127.0.0.1:{there.getsockname()[1]}") == ""
        thread.join(5)
    assert heard == [b""]


def test_who_does_not_listen_is_told() -> None:
    """Why, in the system's words."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        address = f"http://127.0.0.1:{there.getsockname()[1]}"
    assert "refused" in reach(address)


def test_one_that_hangs_does_not_hold_up_the_rest() -> None:
    """The others are told, and of it that there was no answer."""
    hold = threading.Event()
    found = reach_all(
        ["https://a", "https://b"],
        reach=lambda x: str(hold.wait(9)) if x[-1] == "a" else "",
        seconds=0.05,
    )
    hold.set()
    assert found == {"https://a": "no answer within 0.05 s", "https://b": ""}
