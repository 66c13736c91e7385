"""Where a key is looked for, and the type that keeps it from being shown.

Printing, copying and pickling a key are accidents, so `Secret` makes each of them fail or show stars.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NoReturn, Protocol
from urllib.parse import quote

from retouch_nb.contract import Provider
from retouch_nb.errors import CredentialsError, MissingExtraError

KEYRING_SERVICE = "retouch_nb"
SHORTEST_HIDDEN = 6
"""Shorter keys are those of a test server; blotting them out would blot out words."""
RARE = 12
"""Characters from which on a key does not stand in a hundred megabytes of base64 by chance."""


class Secret:
    """A key. Only `reveal` gives it, and only the line that writes it into a request calls that.

    Raises
    ------
    CredentialsError
        Empty, or with characters that no key has and no header may carry.

    Examples
    --------
    >>> print(Secret("k-123456"), [Secret("k-123456")])
    ******** [Secret(********)]
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        del text  # tools that show the variables of a traceback find none here
        if not self._text:
            raise CredentialsError("The key is empty.", advice="Nothing was sent.")
        if not self._text.isascii() or not self._text.isprintable() or " " in self._text:
            raise CredentialsError(
                "The key has spaces or characters that no key has.",
                advice="Nothing was sent. Copy it anew; quotes and line ends do not belong to it.",
            )

    def reveal(self) -> str:
        """Give the key itself."""
        return self._text

    @property
    def is_rare(self) -> bool:
        """So long that it stands nowhere by chance, not even in a large picture."""
        return len(self._text) >= RARE

    def hide(self, text: bytes) -> bytes:
        """Put stars wherever the key stands in a text, for services that repeat it in their answers.

        Examples
        --------
        >>> Secret("k-123456").hide(b"invalid key k-123456")
        b'invalid key ********'
        """
        if len(self._text) >= SHORTEST_HIDDEN:
            for form in self._forms():
                text = text.replace(form, b"*" * 8)
        return text

    def _forms(self) -> set[bytes]:
        """Give the key as it stands in text, in JSON, which may escape a slash, and in an address."""
        quoted = json.dumps(self._text)[1:-1]
        addressed = quote(self._text), quote(self._text, safe="")
        forms = self._text, quoted, quoted.replace("/", "\\/"), *addressed
        return {form.encode() for form in forms}

    def __repr__(self) -> str:
        return "Secret(********)"

    def __str__(self) -> str:
        return "********"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A key is neither copied nor pickled.")


class Vault(Protocol):
    """What is used of the keyring library."""

    def get_password(self, service_name: str, username: str) -> str | None: ...

    def set_password(self, service_name: str, username: str, password: str) -> None: ...

    def delete_password(self, service_name: str, username: str) -> None: ...


def colab_secret(name: str) -> str | None:
    """Ask Google Colab for one of its secrets; None elsewhere, and when access was not granted."""
    if "google.colab" not in sys.modules:
        return None
    with suppress(Exception):  # of its own kinds, all meaning: not for this notebook
        colab: Any = importlib.import_module("google.colab.userdata")
        return str(colab.get(name))
    return None


def installed_keyring() -> Vault | None:
    """Load the keyring library where it is installed and has a keyring to work with."""
    with suppress(Exception):  # back ends fail in ways of their own, on import and later
        keyring: Any = importlib.import_module("keyring")
        vault: Vault = keyring
        return vault
    return None


class Environment(Mapping[str, str]):
    """The environment, of which nothing is shown: keys are in it, whoever prints what holds it.

    Parameters
    ----------
    variables : mapping
        The environment itself; later changes are seen.

    Examples
    --------
    >>> environment = Environment({"PICWISH_API_KEY": "k-123456"})
    >>> environment, environment["PICWISH_API_KEY"]
    (<Environment of 1 variables>, 'k-123456')
    """

    __slots__ = ("_variables",)

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __getitem__(self, name: str) -> str:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def __repr__(self) -> str:
        return f"<Environment of {len(self)} variables>"


class Credentials:
    """Finds keys: environment, Colab secret, keyring, then what was typed at `login` in this process.

    Parameters
    ----------
    environ : mapping, optional
        The environment.
    colab : callable, optional
        Gives a Colab secret by its name.
    keyring : callable, optional
        Gives the keyring, None where there is none.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import PICWISH
    >>> credentials = Credentials({"PICWISH_API_KEY": "k-123456"}, keyring=lambda: None)
    >>> credentials.find(PICWISH), credentials.where(PICWISH)
    (Secret(********), 'environment variable PICWISH_API_KEY')
    """

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        *,
        colab: Callable[[str], str | None] = colab_secret,
        keyring: Callable[[], Vault | None] = installed_keyring,
    ) -> None:
        self._environ = Environment(environ)
        self._colab = colab
        self._keyring = keyring
        self._typed: dict[str, Secret] = {}
        self._told: dict[str, tuple[str, Secret]] = {}

    def __reduce__(self) -> NoReturn:
        raise TypeError("Keys are neither copied nor pickled.")

    def find(self, provider: Provider) -> Secret | None:
        """Give the key of a service, None when there is none."""
        return self._found(provider)[1]

    def where(self, provider: Provider) -> str:
        """Say where the key comes from, in words; empty when there is none."""
        return self._found(provider)[0]

    def need(self, provider: Provider) -> Secret:
        """Give the key of a service.

        Raises
        ------
        CredentialsError
            There is none; the message names the places.
        """
        found = self.find(provider)
        if found is None:
            raise CredentialsError(
                f"There is no key for {provider.title}.",
                advice=f"Nothing was sent. Set {provider.key_env} in the environment, or type: "
                f"%retouch_nb login {provider.name}. Keys: {provider.key_page}. "
                "Without one the embedded engine works: --provider local.",
            )
        return found

    def login(self, provider: Provider, secret: str | Secret, *, remember: bool = False) -> str:
        """Keep a key for this process, or for good.

        Parameters
        ----------
        provider : Provider
            Whose key it is.
        secret : str or Secret
            The key.
        remember : bool
            Store it in the system's keyring.

        Returns
        -------
        str
            What was done with it, one sentence; never the key.

        Raises
        ------
        CredentialsError
            It cannot be a key, or the keyring refused it.
        MissingExtraError
            It is to be remembered and there is no keyring.
        """
        kept = _made(secret)
        del secret  # a tool that shows the variables of a traceback finds none here
        if isinstance(kept, CredentialsError):
            raise kept
        self._typed[provider.name] = kept
        self._told.pop(provider.name, None)
        if remember:
            self._store(provider, kept)
        place = self.where(provider)
        if place == ("keyring" if remember else "login of this session"):
            return "Kept in the keyring." if remember else "Kept until the kernel ends."
        return f"Kept, but the {place} comes first."

    def logout(self, provider: Provider) -> None:
        """Drop what `login` kept, in this process and in the keyring."""
        self._typed.pop(provider.name, None)
        self._told.pop(provider.name, None)
        vault = self._keyring()
        with suppress(Exception):  # there may be nothing to delete
            if vault is not None:
                vault.delete_password(KEYRING_SERVICE, provider.name)

    def _found(self, provider: Provider) -> tuple[str, Secret | None]:
        """Look everywhere; an error leaves the steps on which a key was in the hand behind."""
        try:
            return self._looked(provider)
        except CredentialsError as error:
            fault = error
        raise fault.with_traceback(None)

    def _looked(self, provider: Provider) -> tuple[str, Secret | None]:
        given = self._environ.get(provider.key_env, "").strip()
        if given:
            return f"environment variable {provider.key_env}", Secret(given)
        if provider.name not in self._told:
            self._told.update(self._ask(provider))
        if provider.name in self._told:
            return self._told[provider.name]
        typed = self._typed.get(provider.name)
        return ("login of this session", typed) if typed else ("", None)

    def _ask(self, provider: Provider) -> dict[str, tuple[str, Secret]]:
        """Ask Colab and the keyring, which may ask a person: what they gave is not asked for again."""
        if text := self._colab(provider.key_env):
            return {provider.name: (f"Colab secret {provider.key_env}", Secret(text))}
        if text := self._from_keyring(provider):
            return {provider.name: ("keyring", Secret(text))}
        return {}

    def _from_keyring(self, provider: Provider) -> str | None:
        vault = self._keyring()
        with suppress(Exception):  # a locked or missing keyring is as good as none
            return vault.get_password(KEYRING_SERVICE, provider.name) if vault else None
        return None

    def _store(self, provider: Provider, secret: Secret) -> None:
        vault = self._keyring()
        if vault is None:
            raise MissingExtraError.of("keyring", "keyring", "remembering a key")
        try:
            vault.set_password(KEYRING_SERVICE, provider.name, secret.reveal())
        except Exception as error:
            reason = type(error).__name__
            raise CredentialsError(
                f"The keyring did not take the key ({reason}).",
                advice="It is kept until the kernel ends.",
            ) from None


def _made(secret: str | Secret) -> Secret | CredentialsError:
    """Make a key of what was typed; what is wrong with it is a value, whose traceback does not begin where it was text."""
    try:
        return secret if isinstance(secret, Secret) else Secret(secret)
    except CredentialsError as error:
        return error.with_traceback(None)
