"""Written from the declarations by ``make docs``; change those."""

from typing import Any, Literal

from retouch_nb.edit import Edit
from retouch_nb.mask import MaskLike
from retouch_nb.photo import Link, PhotoLike


def inpaint(
    photo: PhotoLike | Link,
    mask: MaskLike | Link | None = None,
    *,
    sync: bool = False,
    rectangles: Any = None,
    return_type: Literal[1, 2, 'url', 'base64'] = 1,
    provider: Literal['auto', 'local', 'cloud', 'picwish'] | None = None,
    fresh: bool = False,
    max_credits: int | None = None,
    restore_outside: bool = False,
    explain: bool = False,
) -> Edit:
    r"""Remove an object, a watermark or a blemish and fill the place naturally.

    The area is a mask (white is removed, black stays) or up to 50 rectangles, and at most half of the photo.
    The service asks that nobody else's mark of ownership is removed unlawfully.

    Parameters
    ----------
    photo : a photo: path, address, variable
        The photo: path, address, bytes, image, array or earlier result.
    mask : a mask: path, address, variable, default None
        White is removed, black stays; as large as the photo.
    rectangles : rectangles x,y,width,height in pixels, default None
        Areas to remove instead of a mask: up to 50 of x,y,width,height in pixels.
    sync : true or false, default False
        Wait for the result in one request instead of polling.
    return_type : one of 1, 2, url, base64, default 1 (url)
        How the result travels.
    provider : one of auto, local, cloud, picwish, default None
        Who does the work: the service (cloud), or the embedded engine (local).
    fresh : true or false, default False
        Do it again, whatever the cache holds; a service is paid again.
    max_credits : a whole number, 0 to 100000, default None
        Refuse to spend more than this.
    restore_outside : true or false, default False
        Put the original back outside the mask, beyond a narrow seam to the last bit.
    explain : true or false, default False
        Show how the embedded engine does it, step by step; services do not tell.

    Returns
    -------
    Edit
        Before, after and receipt; shows itself in a notebook.

    Raises
    ------
    ParameterError, PictureError, BudgetError
        Something is wrong, or costs more than it may; nothing was sent.
    RetouchError
        Whatever else goes wrong; `retouch_nb.errors` has the kinds, each says what it means for your money.

    Notes
    -----
    Photos: up to 20 MB, 1 to 4096 px a side; JPEG, PNG, WEBP, BMP, TIFF.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> photo = np.full((48, 64, 3), 200, np.uint8)
    >>> photo[20:28, 30:38] = 0
    >>> edit = rn.inpaint(photo, rectangles=[(28, 18, 12, 12)], provider="local")
    >>> int(edit.to_numpy().min())
    200
    """


def enhance(
    photo: PhotoLike | Link,
    *,
    sync: bool = False,
    type: Literal['clean', 'face'] = 'clean',
    scale_factor: Literal[1, 2, 4] | None = None,
    return_type: Literal[1, 2, 3, 'url', 'base64', 'binary'] = 1,
    provider: Literal['auto', 'local', 'cloud', 'picwish'] | None = None,
    fresh: bool = False,
    max_credits: int | None = None,
    explain: bool = False,
) -> Edit:
    r"""Sharpen a photo and enlarge it.

    Parameters
    ----------
    photo : a photo: path, address, variable
        The photo: path, address, bytes, image, array or earlier result.
    type : one of clean, face, default clean
        face for portraits of up to 10 people, clean for everything else.
    scale_factor : one of 1, 2, 4, default None
        How many times larger. Left out: 4 up to 512 px on the long side, 2 up to 1024 px, else 1.
    sync : true or false, default False
        Wait for the result in one request instead of polling.
    return_type : one of 1, 2, 3, url, base64, binary, default 1 (url)
        How the result travels; binary only together with sync.
    provider : one of auto, local, cloud, picwish, default None
        Who does the work: the service (cloud), or the embedded engine (local).
    fresh : true or false, default False
        Do it again, whatever the cache holds; a service is paid again.
    max_credits : a whole number, 0 to 100000, default None
        Refuse to spend more than this.
    explain : true or false, default False
        Show how the embedded engine does it, step by step; services do not tell.

    Returns
    -------
    Edit
        Before, after and receipt; shows itself in a notebook.

    Raises
    ------
    ParameterError, PictureError, BudgetError
        Something is wrong, or costs more than it may; nothing was sent.
    RetouchError
        Whatever else goes wrong; `retouch_nb.errors` has the kinds, each says what it means for your money.

    Notes
    -----
    Photos: up to 20 MB, 11 to 4096 px a side; JPEG, PNG, WEBP, BMP, TIFF.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> rn.enhance(np.full((40, 60, 3), 120, np.uint8), scale_factor=4, provider="local").after.size
    (240, 160)
    """


def retouch_object(
    photo: PhotoLike | Link,
    mask: MaskLike | Link,
    *,
    sync: bool = False,
    retain_mask: MaskLike | Link | None = None,
    type: Literal[1, 2, 3, 4, 5, 6, 'normal', 'advanced', 'transparent', 'metal', 'jewellery', 'bags'] = 1,
    retouch_strength: int = 37,
    line_strength: int = 60,
    provider: Literal['auto', 'local', 'cloud', 'picwish'] | None = None,
    fresh: bool = False,
    max_credits: int | None = None,
    restore_outside: bool = False,
    explain: bool = False,
) -> Edit:
    r"""Retouch the goods in a photo: texture of the material, clarity of lines, details.

    White in the mask is the subject. A second, optional mask marks what must keep its look.

    Parameters
    ----------
    photo : a photo: path, address, variable
        The photo: path, address, bytes, image, array or earlier result.
    mask : a mask: path, address, variable
        White is the subject to retouch; as large as the photo.
    retain_mask : a mask: path, address, variable, default None
        White keeps its original look.
    type : one of 1, 2, 3, 4, 5, 6, normal, advanced, transparent, metal, jewellery, bags, default 1 (normal)
        What the subject is; the strengths act only on normal.
    retouch_strength : a whole number, 0 to 100, default 37
        How much the material changes.
    line_strength : a whole number, 0 to 100, default 60
        How firmly lines are kept.
    sync : true or false, default False
        Wait for the result in one request instead of polling.
    provider : one of auto, local, cloud, picwish, default None
        Who does the work: the service (cloud), or the embedded engine (local).
    fresh : true or false, default False
        Do it again, whatever the cache holds; a service is paid again.
    max_credits : a whole number, 0 to 100000, default None
        Refuse to spend more than this.
    restore_outside : true or false, default False
        Put the original back outside the mask, beyond a narrow seam to the last bit.
    explain : true or false, default False
        Show how the embedded engine does it, step by step; services do not tell.

    Returns
    -------
    Edit
        Before, after and receipt; shows itself in a notebook.

    Raises
    ------
    ParameterError, PictureError, BudgetError
        Something is wrong, or costs more than it may; nothing was sent.
    RetouchError
        Whatever else goes wrong; `retouch_nb.errors` has the kinds, each says what it means for your money.

    Notes
    -----
    Photos: up to 30 MB, 1 to 4096 px a side; JPEG, PNG, WEBP, BMP, TIFF.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> photo = np.full((48, 64, 3), 120, np.uint8)
    >>> ring = np.zeros((48, 64), bool)
    >>> ring[10:30, 20:40] = True
    >>> edit = rn.retouch_object(photo, ring, type="metal", provider="local")
    >>> bool((edit.to_numpy()[~ring] == photo[~ring]).all())
    True
    """


def match_style(
    photo: PhotoLike,
    style: PhotoLike,
    *,
    shrink: bool = False,
    provider: Literal['auto', 'local', 'cloud', 'ailabtools'] | None = None,
    fresh: bool = False,
    max_credits: int | None = None,
    explain: bool = False,
) -> Edit:
    r"""Give a photo the colours and tones of a reference picture.

    Parameters
    ----------
    photo : a photo: path, address, variable
        The photo to change.
    style : a photo: path, address, variable
        The picture whose look is wanted.
    shrink : true or false, default False
        Make pictures that are too large for the service fit, instead of refusing them.
    provider : one of auto, local, cloud, ailabtools, default None
        Who does the work: the service (cloud), or the embedded engine (local).
    fresh : true or false, default False
        Do it again, whatever the cache holds; a service is paid again.
    max_credits : a whole number, 0 to 100000, default None
        Refuse to spend more than this.
    explain : true or false, default False
        Show how the embedded engine does it, step by step; services do not tell.

    Returns
    -------
    Edit
        Before, after and receipt; shows itself in a notebook.

    Raises
    ------
    ParameterError, PictureError, BudgetError
        Something is wrong, or costs more than it may; nothing was sent.
    RetouchError
        Whatever else goes wrong; `retouch_nb.errors` has the kinds, each says what it means for your money.

    Notes
    -----
    Photos: up to 3 MB, 33 to 2999 px a side; JPEG, PNG.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> cold, warm = np.full((2, 40, 60, 3), (90, 110, 140), np.uint8)
    >>> warm[..., 0] = 200
    >>> edit = rn.match_style(cold, warm, provider="local")
    >>> edit.after.size, bool(edit.to_numpy()[..., 0].mean() > 150)
    ((60, 40), True)
    """


def retouch(
    photo: PhotoLike,
    steps: Any = ...,
    *,
    layers: bool = False,
    format: Literal['zip', 'jpeg'] | None = None,
    hook: Any = None,
    provider: Literal['auto', 'local', 'cloud', 'retouch4me'] | None = None,
    fresh: bool = False,
    max_credits: int | None = None,
    explain: bool = False,
) -> Edit:
    r"""Retouch a portrait or a product photo with plug-ins, one after the other.

    Parameters
    ----------
    photo : a photo: path, address, variable
        The photo: path, bytes, image, array or earlier result.
    steps : a preset (slight, balanced, heavy, layers, color), JSON, or lines such as 'Heal 1.0', default balanced
        What to do: a preset, the vendor's JSON, or one step a line.
    layers : true or false, default False
        Deliver every step as a layer of its own.
    format : one of zip, jpeg, default None
        Output format; follows from the steps when left out.
    hook : an https address (http for this machine alone), default None
        Address the service calls when it is done; its domain must be approved.
    provider : one of auto, local, cloud, retouch4me, default None
        Who does the work: the service (cloud), or the embedded engine (local).
    fresh : true or false, default False
        Do it again, whatever the cache holds; a service is paid again.
    max_credits : a whole number, 0 to 100000, default None
        Refuse to spend more than this.
    explain : true or false, default False
        Show how the embedded engine does it, step by step; services do not tell.

    Returns
    -------
    Edit
        Before, after and receipt; shows itself in a notebook.

    Raises
    ------
    ParameterError, PictureError, BudgetError
        Something is wrong, or costs more than it may; nothing was sent.
    RetouchError
        Whatever else goes wrong; `retouch_nb.errors` has the kinds, each says what it means for your money.

    Notes
    -----
    Photos: up to 100 MB, 1 to 100000 px a side, 250 megapixels; JPEG, PNG.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> photo = np.full((48, 64, 3), 120, np.uint8)
    >>> edit = rn.retouch(photo, "Dust 1.0", layers=True, provider="local")
    >>> edit.layers
    <LayerStack 64 x 48, 1 layer: Dust>
    """
