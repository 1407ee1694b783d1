"""Photos: told by their content, the original sealed as it came (``channel.originals``), the shown copy made anew from its pixels.

The shown copy carries no place, device, time, name or thumbnail of the original (EXIF, XMP, comments):
nothing of the file but the pixels is copied.
"""

from __future__ import annotations

import io
import logging
import threading
import warnings
from dataclasses import dataclass

from django.utils.translation import gettext as _
from PIL import Image

from minqing.channel.errors import ChannelFault, PhotoFault, TooLarge

MAX_PHOTOS = 3
MAX_OCTETS = 8 * 1024 * 1024
MAX_PIXELS = 50_000_000
MAX_UNSCALED_PIXELS = 25_000_000
"""For PNG and WebP, which cannot be read at a smaller scale as JPEG can: a few kilobytes may unfold to all of it."""
_LONGEST = 2000
_ORIENTATION = 0x0112  # Exif
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_SHRINKABLE = {"L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"}

# Pillow tells every value of the metadata (place, device, time) to a log that asks for details.
logging.getLogger("PIL").setLevel(logging.WARNING)

# One picture at a time is unfolded in a process: a flood of large ones waits instead of filling memory.
_place = threading.BoundedSemaphore(1)
_FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One photo that was taken in."""

    original: bytes
    media_type: str
    shown: bytes  # JPEG


def photos_read(files: tuple[bytes, ...]) -> tuple[Photo, ...]:
    """Read photos.

    Raises:
        PhotoFault: too many, or one is no JPEG, PNG or WebP, or is damaged.
        TooLarge: one has too many octets or pixels.
    """
    if len(files) > MAX_PHOTOS:
        raise PhotoFault(_("照片最多 %(most)d 张。请减少几张再提交。") % {"most": MAX_PHOTOS})
    return tuple(photo_read(octets) for octets in files)


def photo_read(octets: bytes) -> Photo:
    """Read one photo; what it calls itself is not looked at.

    Raises:
        PhotoFault: it is no JPEG, PNG or WebP, or is damaged.
        TooLarge: it has too many octets or pixels.
    """
    if len(octets) > MAX_OCTETS:
        raise TooLarge(_("一张照片超过 8 MB。请用手机缩小后再附上。"))
    try:
        with warnings.catch_warnings(), _place:
            warnings.simplefilter(
                "ignore"
            )  # Pillow warns of large and odd files; both are decided here
            with Image.open(io.BytesIO(octets), formats=tuple(_FORMATS)) as image:
                shown = _shown(image)
                media_type = _FORMATS[str(image.format)]
    except ChannelFault:
        raise
    except (
        Exception
    ) as error:  # whatever a decoder raises over hostile octets, the fault is the file's
        raise PhotoFault(
            _("有一个文件不是能用的照片。请附 JPEG、PNG 或 WebP 照片，或者截一张图再传。")
        ) from error
    return Photo(original=octets, media_type=media_type, shown=shown)


def _shown(image: Image.Image) -> bytes:
    most = MAX_PIXELS if image.format == "JPEG" else MAX_UNSCALED_PIXELS
    if image.width * image.height > most:
        raise TooLarge(_("一张照片的像素太多。请用手机缩小后再附上。"))
    turn = _turn_of(image)
    image.draft("RGB", (_LONGEST, _LONGEST))
    image.load()
    small = image if image.mode in _SHRINKABLE else image.convert("RGBA")
    small.thumbnail((_LONGEST, _LONGEST))  # first: all that follows is then small
    upright = (small if turn is None else small.transpose(turn)).convert("RGBA")
    page = Image.new("RGB", upright.size, "white")
    page.paste(upright, mask=upright.getchannel("A"))
    out = io.BytesIO()
    page.save(out, "JPEG", quality=85)
    return out.getvalue()


def _turn_of(image: Image.Image) -> Image.Transpose | None:
    """The one number of the metadata that is looked at; damaged metadata turns nothing."""
    try:
        return _UPRIGHT.get(int(image.getexif().get(_ORIENTATION, 1)))
    except Exception:  # noqa: BLE001  Pillow raises what it likes over damaged metadata; the pixels may be whole
        return None
