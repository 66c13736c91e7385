"""What holds for every operation in the table, also for those of a plug-in."""

import inspect

import pytest

from retouch_nb.contract import Operation
from retouch_nb.describe import docstring, signature, summary
from retouch_nb.errors import UnknownNameError
from retouch_nb.params import params
from retouch_nb.providers import operation_named, operations, providers

every = pytest.mark.parametrize("operation", operations().values(), ids=operations().keys())


@every
def test_every_parameter_is_documented(operation: type[Operation]) -> None:
    """Help, completion and tables have nothing else to show."""
    for param in params(operation):
        assert param.doc.endswith("."), param.name
        assert param.accepts


@every
def test_every_default_is_accepted_by_its_own_rule(operation: type[Operation]) -> None:
    """A default that would be refused when written out is a slip of the declaration."""
    for param in params(operation):
        if not param.required and not param.picture:
            assert param.read(param.default) == param.default


@every
def test_every_word_of_completion_is_accepted(operation: type[Operation]) -> None:
    """What is offered can be used."""
    for param in params(operation):
        for word in param.values():
            param.read(word)


@every
def test_help_names_every_parameter(operation: type[Operation]) -> None:
    """Shift-Tab shows the whole signature and a line on each parameter."""
    text = docstring(operation)
    assert summary(operation) in text
    for name in inspect.signature(operation).parameters:
        assert f"\n{name} : " in text
        assert name in signature(operation).parameters


@every
def test_every_service_can_be_reached_safely(operation: type[Operation]) -> None:
    """Addresses are https, and a key has a place of its own in the environment."""
    assert operation.provider.base_url.startswith("https://")
    assert operation.provider.key_env
    assert operation.provider.base_env


def test_an_unknown_operation_is_answered_with_the_nearest() -> None:
    """A slip in a name gets a suggestion."""
    with pytest.raises(UnknownNameError, match="Did you mean 'enhance'"):
        operation_named("enhence")
    assert set(providers()) >= {"picwish"}
