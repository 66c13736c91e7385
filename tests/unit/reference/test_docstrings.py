from retouch_nb.reference.docstrings import call_text, markdown

DOCSTRING = """Blur a photo, see `Photo`.

    ``radius`` is in pixels::

        a drawing
          in text

    Parameters
    ----------
    radius : int
        How far,
        in pixels.
    *others
        Ignored.

    Raises
    ------
    ParameterError
        Never.

    Examples
    --------
    >>> for n in range(2):
    ...     print(n)
    0
    1

    Words between.

    >>> 1 + 1
    2
    """


def test_sections_become_headings_lists_and_code() -> None:
    """Nothing of the docstring is lost, and drawings and examples stand in blocks of code."""
    assert markdown(DOCSTRING) == (
        "Blur a photo, see `Photo`.\n\n`radius` is in pixels:\n\n```\na drawing\n  in text\n```\n\n"
        "**Parameters**\n\n- `radius` (int): How far, in pixels.\n- `*others`: Ignored.\n\n"
        "**Raises**\n\n- `ParameterError`: Never.\n\n"
        "**Examples**\n\n```python\n>>> for n in range(2):\n...     print(n)\n0\n1\n```\n\n"
        "Words between.\n\n```python\n>>> 1 + 1\n2\n```"
    )


def test_what_has_no_signature_is_named_alone() -> None:
    """Some built-in things do not tell how they are called."""
    assert call_text("rn.thing", object()) == "rn.thing"
