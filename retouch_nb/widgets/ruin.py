"""What JupyterLab leaves of a widget when there is no kernel: "Loading widget ...", above the twin that tells it all."""


def hidden(living: str, twin: str) -> str:
    """Give the style that a static twin brings along, to hide whatever stands before it and is no living widget.

    Parameters
    ----------
    living, twin : str
        The class of the widget's own root, and that of the twin's.

    Examples
    --------
    >>> hidden("retouch-cat", "retouch-cat-twin")[:60]
    '<style>.jp-OutputArea-child:has(+ .jp-OutputArea-child .reto'
    """
    before = f".jp-OutputArea-child:has(+ .jp-OutputArea-child .{twin})"
    return f"<style>{before}:not(:has(.{living})){{display:none}}</style>"
