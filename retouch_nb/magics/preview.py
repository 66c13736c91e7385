"""A dry run: the request as it would be sent, with its price, and nothing sent.

The key appears as the name of its environment variable, so the text can be copied, shared and run.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

from retouch_nb.contract import Call, Operation, Price, Provider, Upload
from retouch_nb.mask import Mask
from retouch_nb.params import params
from retouch_nb.photo import Link, Photo

if TYPE_CHECKING:
    from retouch_nb.client import Route

WHOLE = "A run leaves place, camera and comments out of the file; these commands send it as it is."

SERVED_AT = "http://127.0.0.1:8765"
"""Where ``python -m retouch_nb serve`` puts the embedded engine when nothing else is said."""


@dataclass(frozen=True, repr=False)
class Preview:
    """What a run would do.

    Attributes
    ----------
    operation : Operation
        The checked request.
    maker : str
        Who would do the work.
    price : Price
    curl, python : str
        The request as a command of a shell, and as a program; either takes the key from the environment.
    remarks : tuple of str
        What is accepted and may still not be meant.
    """

    operation: Operation
    maker: str
    price: Price
    curl: str
    python: str
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, operation: Operation, route: "Route", cap: int | None = None) -> "Preview":
        """Say what a run on this route would do, when it may cost `cap` credits at most."""
        price = Price(0) if route.free else operation.price()
        remarks = list(operation.warnings())
        if cap is not None and (price.credits is None or price.credits > cap):
            remarks.append(f"The price is above the cap of {cap}, or unknown: a run is refused.")
        if route.free:
            remarks.append("The command is for the engine on a port: python -m retouch_nb serve")
        base_url = SERVED_AT if route.free else route.base_url
        call = _from_disk(operation)
        remarks += _masks(operation)
        if not route.keep_metadata and call.bare() != call:
            remarks.append(WHOLE)
        told = (call, operation.provider, base_url)
        return cls(operation, route.maker, price, as_curl(*told), as_python(*told), tuple(remarks))

    def _lines(self) -> Iterator[tuple[str, str]]:
        photo = self.operation.photo
        yield "operation", self.operation.name + self.operation.options_text(", ")
        yield "done by", self.maker
        yield "price", "free" if self.price.credits == 0 else str(self.price)
        yield "photo", photo.url if isinstance(photo, Link) else _described(photo)
        for field, upload in self.operation.submit().files.items():
            yield "file", f"{field}: {upload.file_name}, {len(upload.data) / 1000:,.1f} kB"
        yield from (("note", remark) for remark in self.remarks)

    def __repr__(self) -> str:
        facts = "\n".join(f"{label:<10} {text}" for label, text in self._lines())
        return f"Dry run: nothing was sent.\n{facts}\n\n{self.curl}\n\n{self.python}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:left">{label}</th>'
            f'<td style="text-align:left">{escape(text)}</td></tr>'
            for label, text in self._lines()
        )
        return f"<p><b>Dry run:</b> nothing was sent.</p><table>{rows}</table>" + "".join(
            f'<p style="margin:8px 0 0"><b>{title}</b></p>'
            f'<pre style="font-family:monospace;font-size:12px;text-align:left">{escape(text)}</pre>'
            for title, text in (("As a command", self.curl), ("As Python", self.python))
        )


def _from_disk(operation: Operation) -> Call:
    """Name photos as they are called on disk, whatever name they are sent under."""
    call = operation.submit()
    given = (getattr(operation, param.name) for param in params(type(operation)))
    names = {id(photo.data): photo.file_name for photo in given if isinstance(photo, Photo)}
    files = {
        field: replace(file, file_name=names.get(id(file.data), file.file_name))
        for field, file in call.files.items()
    }
    return replace(call, files=files)


def _masks(operation: Operation) -> Iterator[str]:
    for param in params(type(operation)):
        if isinstance(getattr(operation, param.name), Mask):
            yield f"The commands read {param.name}.png; mask.save(path) writes a mask as it is sent."


def as_curl(call: Call, provider: Provider, base_url: str) -> str:
    r"""Write the request that starts a task as a curl command; the key is a variable of the shell.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import PICWISH
    >>> print(as_curl(Call("POST", "/api/tasks", fields={"sync": "0"}), PICWISH, "https://example.org"))
    curl -X POST https://example.org/api/tasks \
      -H "X-API-KEY: $PICWISH_API_KEY" \
      --form-string sync=0
    """
    key = f"${provider.key_env}"
    whole = call.path.startswith(("http://", "https://"))
    parts = [
        f"curl -X {call.method} {shlex.quote(call.path if whole else base_url + call.path)}",
        *([f'-H "{provider.key_header}: {key}"'] if provider.key_header else []),
        *(f"-H {shlex.quote(f'{name}: {text}')}" for name, text in call.headers.items()),
        *([f'--form-string "{provider.key_field}={key}"'] if provider.key_field else []),
        *(f"-F {shlex.quote(_file_part(name, file))}" for name, file in call.files.items()),
        *(f"--form-string {shlex.quote(f'{name}={text}')}" for name, text in call.fields.items()),
    ]
    return " \\\n  ".join(parts)


def as_python(call: Call, provider: Provider, base_url: str) -> str:
    """Write the request that starts a task as a Python program with httpx; the key comes from the environment.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import PICWISH
    >>> print(as_python(Call("POST", "/api/tasks", fields={"sync": "0"}), PICWISH, "https://example.org"))
    import os
    import httpx
    <BLANKLINE>
    key = os.environ["PICWISH_API_KEY"]
    answer = httpx.request(
        "POST",
        "https://example.org/api/tasks",
        headers={"X-API-KEY": key},
        files=[
            ("sync", (None, "0")),
        ],
        timeout=300,
    )
    print(answer.status_code, answer.text)
    """
    whole = call.path.startswith(("http://", "https://"))
    headers = [f"{_quoted(provider.key_header)}: key"] if provider.key_header else []
    headers += [f"{_quoted(name)}: {_quoted(text)}" for name, text in call.headers.items()]
    parts = [
        *([f"({_quoted(provider.key_field)}, (None, key))"] if provider.key_field else []),
        *(
            f'({_quoted(name)}, ({_quoted(file.file_name)}, open({_quoted(file.file_name)}, "rb"), '
            f"{_quoted(file.media_type)}))"
            for name, file in call.files.items()
        ),
        *(f"({_quoted(name)}, (None, {_quoted(text)}))" for name, text in call.fields.items()),
    ]
    return "\n".join(
        [
            "import os",
            "import httpx",
            "",
            f"key = os.environ[{_quoted(provider.key_env)}]",
            "answer = httpx.request(",
            f"    {_quoted(call.method)},",
            f"    {_quoted(call.path if whole else base_url + call.path)},",
            f"    headers={{{', '.join(headers)}}},",
            "    files=[",
            *(f"        {part}," for part in parts),
            "    ],",
            "    timeout=300,",
            ")",
            "print(answer.status_code, answer.text)",
        ]
    )


def _quoted(text: str) -> str:
    """Write text as Python does, in double quotes where that needs no escape."""
    return f'"{text}"' if text.isprintable() and not {'"', "\\"} & set(text) else repr(text)


def _file_part(name: str, upload: Upload) -> str:
    """Quote a name in which curl would see the end of the file's name."""
    odd = re.search(r'[;,"\\]', upload.file_name)
    quoted = upload.file_name.replace("\\", r"\\").replace('"', r"\"")
    shown = f'"{quoted}"' if odd else upload.file_name
    return f"{name}=@{shown};type={upload.media_type}"


def _described(photo: Photo) -> str:
    width, height = photo.size
    return f"{photo.file_name}, {width} x {height} pixels"
