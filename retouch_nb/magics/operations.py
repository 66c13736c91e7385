"""One magic for every operation: words become a checked operation, the session runs it.

Nothing here knows any single operation; all of it is read from the class.
"""

import dataclasses
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import needs_local_scope, no_var_expand

from retouch_nb.contract import Operation
from retouch_nb.describe import RunOptions, run_params
from retouch_nb.edit import Edit
from retouch_nb.errors import ParameterError
from retouch_nb.job import Job
from retouch_nb.magics.completion import grammar_candidates
from retouch_nb.magics.magic import Magic
from retouch_nb.magics.manual import manual, usage
from retouch_nb.magics.names import FILE, VARIABLE, meaning
from retouch_nb.magics.preview import Preview
from retouch_nb.magics.sweeps import SweepOptions, pairs, swept
from retouch_nb.magics.words import Grammar, tidy
from retouch_nb.params import params
from retouch_nb.providers import operations
from retouch_nb.session import Session
from retouch_nb.sweep import Grid, Plan
from retouch_nb.table import Text


@dataclass(frozen=True, kw_only=True)
class MagicOptions(RunOptions):
    """What every magic takes beside the parameters of its operation."""

    output: Annotated[
        str | None,
        "Store the result under this name; the job, if it fails or is stopped.",
        VARIABLE,
    ] = None
    detach: Annotated[bool, "Do not wait; give the running job."] = False
    dry_run: Annotated[bool, "Check and price it, show the request, send nothing."] = False
    save: Annotated[Path | None, "Write the result to this file.", FILE] = None
    sweep: Annotated[
        str | None, "Vary something and give a grid: 'name=values; name=values', as in %sweep."
    ] = None
    interactive: Annotated[
        bool, "Ask for layers, and open them live: opacity, blend mode, order."
    ] = False
    help: Annotated[bool, "Show this text."] = False

    def __post_init__(self) -> None:
        if self.detach and (self.save or self.interactive):
            raise ParameterError(
                f"--{'save' if self.save else 'interactive'} needs the result, for which --detach does not wait.",
                advice="Nothing was sent. Leave one of them out, and use job.result() later.",
            )
        if self.sweep and (self.detach or self.save or self.interactive or self.explain):
            raise ParameterError(
                "--sweep gives a grid: it can be neither detached, saved as one picture, opened in layers nor explained.",
                advice="Nothing was sent. Store it with -o NAME; NAME.save(folder) and NAME.save_html(path) write it.",
            )


def grammar_of(operation: type[Operation]) -> Grammar:
    """Give the words of an operation's magic: its parameters, and how to run it.

    What Python takes by position, the magic takes by position.
    """
    own = params(operation)
    placed = {f.name for f in dataclasses.fields(operation) if not f.kw_only}  # type: ignore[arg-type]
    return Grammar(
        operation.name,
        (*own, *run_params(operation, MagicOptions)),
        positional=tuple(param for param in own if param.name in placed),
        body=next((param for param in own if param.reads), None),
    )


def operation_magics(shell: InteractiveShell, session: Session) -> list[Magic]:
    """Make a magic of every known operation."""
    return [OperationMagic(kind, shell, session).magic() for kind in operations().values()]


@dataclass(frozen=True)
class OperationMagic:
    """The magic of one operation in one shell."""

    operation: type[Operation]
    shell: InteractiveShell
    session: Session

    @cached_property
    def grammar(self) -> Grammar:
        """The words it takes."""
        return grammar_of(self.operation)

    def magic(self) -> Magic:
        """Give it in the form in which it is registered."""

        @needs_local_scope
        @no_var_expand
        def run(line: str, cell: str = "", local_ns: dict[str, Any] | None = None) -> Any:
            text, hidden = tidy(line)
            words = self.grammar.read(text, cell)
            if "help" in words:
                return Text(run.__doc__)
            shown = self.perform(words, ChainMap(local_ns or {}, self.shell.user_ns))
            return None if cell and (hidden or _ends_quietly(cell)) else shown

        run.__name__ = run.__qualname__ = self.operation.name
        run.__doc__ = manual(self.operation, self.grammar)
        return Magic(
            self.operation.name,
            run,
            lambda *at: grammar_candidates(self.grammar, self.shell.user_ns, *at),
            cell=True,
        )

    def perform(
        self, words: Mapping[str, str], scope: Mapping[str, Any]
    ) -> Edit | Job | Preview | Grid | Plan:
        """Do what the words say and give what the cell shows."""
        options = self._options(words, scope)
        if options.sweep:
            return self.sweep(words, options, scope)
        request = self.request(words, scope)
        if options.interactive:
            request = request.in_layers()
        if options.dry_run:
            return self.preview(request, options)
        job = self.session.submit(
            request,
            provider=options.provider,
            fresh=options.fresh,
            max_credits=options.max_credits,
            restore_outside=options.restore_outside,
            explain=options.explain,
        )
        self._keep(job, options)
        if options.detach:
            return job
        edit = job.result()
        self._keep(edit, options)
        if options.save:
            edit.save(options.save)
        if options.interactive and edit.layers:
            edit.layers.studio().show()
        return edit

    def sweep(
        self, words: Mapping[str, str], options: MagicOptions, scope: Mapping[str, Any]
    ) -> Grid | Plan:
        """Vary what ``--sweep`` names; everything else stays as the words say."""
        axes = pairs(options.sweep or "")
        names = {param.name for param in params(self.operation)} - axes.keys()
        shared = {
            name: getattr(options, name)
            for name in (
                "provider",
                "fresh",
                "max_credits",
                "restore_outside",
                "output",
                "dry_run",
            )
        }
        return swept(
            self.operation,
            {name: word for name, word in words.items() if name in names},
            axes,
            scope=scope,
            session=self.session,
            shell=self.shell,
            options=SweepOptions(**shared),
        )

    def request(self, words: Mapping[str, str], scope: Mapping[str, Any]) -> Operation:
        """Make the checked operation; whatever is wrong is raised here, before anything is sent."""
        own = params(self.operation)
        missing = [param.name for param in own if param.required and param.name not in words]
        if missing:
            raise ParameterError(
                f"%{self.operation.name} needs a {missing[0]}.",
                advice=f"Nothing was sent. Usage: {usage(self.grammar)}",
            )
        return self.operation(
            **{p.name: meaning(p, words[p.name], scope) for p in own if p.name in words}
        )

    def preview(self, request: Operation, options: MagicOptions) -> Preview:
        """Say what a run would do."""
        route = self.session.route(request, options.provider)
        route.check()
        cap = options.max_credits
        return Preview.of(request, route, self.session.settings.max_credits if cap is None else cap)

    def _options(self, words: Mapping[str, str], scope: Mapping[str, Any]) -> MagicOptions:
        names = {param.name for param in params(MagicOptions)}
        given = [p for p in self.grammar.params if p.name in names and p.name in words]
        return MagicOptions(**{p.name: p.read(meaning(p, words[p.name], scope)) for p in given})

    def _keep(self, kept: Edit | Job, options: MagicOptions) -> None:
        if options.output:
            self.shell.push({options.output: kept})  # type: ignore[no-untyped-call]


def _ends_quietly(cell: str) -> bool:
    return tidy(cell.rstrip().rpartition("\n")[2])[1]
