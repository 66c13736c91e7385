"""``%retouch_nb``: jobs, keys, cache and a look at the installation.

Each command is a method of `Desk`; its name, its parameters and its docstring are the help.
"""

import getpass
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.error import StdinNotImplementedError
from IPython.core.magic import needs_local_scope, no_var_expand

from retouch_nb.contract import Provider
from retouch_nb.credentials import Secret
from retouch_nb.describe import limits_text, summary
from retouch_nb.doctor import examine
from retouch_nb.edit import Edit
from retouch_nb.errors import CredentialsError, ParameterError, RetouchError, UnknownNameError
from retouch_nb.jobs import JobTable
from retouch_nb.magics.batches import batch_of, grammar_of, manual
from retouch_nb.magics.completion import grammar_candidates
from retouch_nb.magics.magic import Candidate, Magic
from retouch_nb.magics.manual import price_text
from retouch_nb.magics.words import split, tidy
from retouch_nb.providers import operations, provider_named, providers
from retouch_nb.reach import reach
from retouch_nb.session import Session
from retouch_nb.table import Table, Text

if TYPE_CHECKING:
    from retouch_nb.batches import Plan, Run

NAME = "retouch_nb"

COMMANDS = (
    *("jobs", "resume", "forget", "batch"),
    *("login", "logout", "balance", "providers", "cache", "doctor"),
)


class Desk:
    """The commands of ``%retouch_nb``.

    Parameters
    ----------
    session : Session
    ask : callable, optional
        Asks a person for a secret without showing it; getpass when left out.
    reach : callable, optional
        Says why an address cannot be reached, for the doctor.

    Attributes
    ----------
    scope : mapping
        The variables of the notebook.
    """

    def __init__(
        self,
        session: Session,
        *,
        ask: Callable[[str], str] | None = None,
        reach: Callable[[str], str] = reach,
    ) -> None:
        self._session = session
        self._ask = ask
        self._reach = reach
        self.scope: Mapping[str, Any] = {}

    def jobs(self) -> JobTable:
        """List the known jobs, the newest first."""
        return self._session.jobs()

    def resume(self, id: str, task_id: str = "") -> Edit:
        """Take up an earlier job, wait for it and give its result; an unknown one by the service's own id."""
        return self._session.resume(id, task_id).result()

    def forget(self, id: str) -> Text:
        """Drop a job from the list; one that is unknown counts as lost, and can be sent and paid again."""
        task_id = self._session.forget(id)
        return Text(f"Forgot {id}{f'; its id at the service was {task_id}' if task_id else ''}.")

    def batch(self, operation: str, photos: str, out: str, *options: str) -> "Run | Plan":
        """Do the same to many photos: a folder, a glob, an address, a variable; the rest as for %OPERATION, and --masks."""
        return batch_of(self._session, operation, photos, out, options, self.scope)

    def login(self, service: str, remember: str = "") -> Text:
        """Ask for a service's key; with "remember" the system's keyring keeps it."""
        provider = provider_named(service)
        if remember.lstrip("-") not in {"", "remember"}:
            raise ParameterError(
                "login takes the name of a service, and nothing but 'remember' after it.",
                advice="A key is never typed into a cell: it would be saved with the notebook. "
                f"%{NAME} login {service} asks for it.",
            )
        secret = self._asked(f"Key for {provider.title} ({provider.key_page}): ", provider.key_env)
        told = self._session.credentials.login(provider, secret, remember=bool(remember))
        return Text(f"{provider.title}: {told}")

    def logout(self, service: str) -> Text:
        """Drop the key that login kept, here and in the keyring."""
        provider = provider_named(service)
        self._session.credentials.logout(provider)
        left = self._session.credentials.where(provider)
        still = f" The {left} still gives one." if left else ""
        return Text(f"{provider.title}: what login kept is dropped.{still}")

    def balance(self, service: str = "") -> Table:
        """Ask the services, or one of them, what is left on the account."""
        asked = [provider_named(service)] if service else list(providers().values())
        return Table(("service", "balance"), [(p.title, self._balance(p)) for p in asked])

    def providers(self) -> Table:
        """List the operations, their prices and limits, and where each would go now."""
        head = ("magic", "what it does", "service", "price", "photos", "goes to now")
        return Table(head, list(self._operations()))

    def cache(self, action: str = "") -> Text:
        """Say how much disk the results take; "clear" removes them."""
        if action not in {"", "clear"}:
            raise UnknownNameError.among(action, ["clear"], what="action on the cache")
        size = f"{self._session.cache_size() / 1e6:,.1f} MB"
        if action:
            self._session.clear_cache()
            return Text(f"Removed {size} of cached results.")
        return Text(f"Cached results take {size} in {self._session.home}.")

    def doctor(self) -> Table:
        """Look at versions, keys, folders and waiting jobs; nothing is sent."""
        return examine(self._session, reach=self._reach)

    def _balance(self, provider: Provider) -> str:
        try:
            return self._session.balance(provider)
        except RetouchError as error:
            return f"unknown: {error.what}"

    def _asked(self, question: str, variable: str) -> Secret:
        try:
            return Secret((self._ask or getpass.getpass)(question))
        except (StdinNotImplementedError, EOFError) as error:
            raise CredentialsError(
                "This front end cannot ask for a key.",
                advice=f"Set {variable} in the environment before Jupyter is started.",
            ) from error

    def _operations(self) -> Iterator[tuple[str, ...]]:
        for name, operation in operations().items():
            route = self._session.route(operation)
            price = price_text(operation)
            yield (
                f"%{name}",
                summary(operation),
                operation.provider.title,
                price,
                limits_text(operation),
                f"{route.maker}, free" if route.free else f"{route.maker}, {route.base_url}",
            )


def manage_magic(
    session: Session,
    *,
    ask: Callable[[str], str] | None = None,
    reach: Callable[[str], str] = reach,
) -> Magic:
    """Make ``%retouch_nb``."""
    desk = Desk(session, ask=ask, reach=reach)

    @needs_local_scope
    @no_var_expand
    def run(line: str, local_ns: dict[str, Any] | None = None) -> Any:
        desk.scope = local_ns or {}
        words = split(tidy(line)[0])
        rest = [word for word in words if word not in {"--help", "-h"}]
        if not words or rest != words:
            return Text(manual(*rest[1:2]) if rest[:1] == ["batch"] else run.__doc__)
        return _command(desk, words[0])(*words[1:])

    def completes(before: Sequence[str], fragment: str) -> Iterator[Candidate]:
        match before:
            case []:
                yield from (Candidate(name, "command") for name in COMMANDS)
            case ["resume" | "forget"]:
                yield from (
                    Candidate(row.id, f"{row.operation}, {row.state}") for row in desk.jobs()
                )
            case ["login" | "logout" | "balance"]:
                yield from (Candidate(name, "service") for name in providers())
            case ["batch"]:
                yield from (Candidate(name, summary(kind)) for name, kind in operations().items())
            case ["batch", name, _, _, *words] if name in operations():
                grammar = grammar_of(operations()[name])
                yield from grammar_candidates(grammar, desk.scope, words, fragment)
            case ["cache"]:
                yield Candidate("clear", "action")

    run.__name__ = run.__qualname__ = NAME
    run.__doc__ = _help()
    return Magic(NAME, run, completes)


def _command(desk: Desk, name: str) -> Callable[..., Any]:
    """Give the command; called with too few or too many words it says how it is used."""
    if name not in COMMANDS:
        raise UnknownNameError.among(name, COMMANDS, what=f"command of %{NAME}")
    method = getattr(desk, name)

    def checked(*words: str) -> Any:
        try:
            inspect.signature(method).bind(*words)
        except TypeError as error:
            raise ParameterError(
                f"{name} takes other words than these.", advice=f"Usage: {_usage(method)}"
            ) from error
        return method(*words)

    return checked


def commands() -> list[tuple[str, str]]:
    """Give how each command of ``%retouch_nb`` is written, and what it does.

    Examples
    --------
    >>> commands()[1]
    ('%retouch_nb resume ID [task_id]', ...)
    """
    methods = [getattr(Desk, name) for name in COMMANDS]
    return [(_usage(method), inspect.getdoc(method) or "") for method in methods]


def _usage(method: Callable[..., Any]) -> str:
    words = [
        name.upper()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL
        else f"[{name}]"
        for name, parameter in inspect.signature(method).parameters.items()
        if name != "self"
    ]
    return " ".join([f"%{NAME}", method.__name__, *words])


def _help() -> str:
    width = max(len(usage) for usage, _ in commands())
    return "\n".join(
        ["Jobs, keys, cache and a look at the installation.", ""]
        + [f"    {usage:<{width}}  {told}" for usage, told in commands()]
    )
