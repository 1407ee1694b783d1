"""Photos: told by their content, the original kept as it came, the shown copy made anew from its pixels.

The shown copy carries no place, device, time, name or thumbnail of the original (EXIF, XMP, comments):
nothing of the file but the pixels is copied.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from minqing.channel.errors import PhotoFault, TooLarge

MAX_PHOTOS = 3
MAX_OCTETS = 8 * 1024 * 1024
MAX_PIXELS = 50_000_000
_LONGEST = 2000
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
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # Pillow warns of large and odd files; both are decided here
            with Image.open(io.BytesIO(octets), formats=tuple(_FORMATS)) as image:
                shown = _shown(image)
                media_type = _FORMATS[str(image.format)]
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
        raise PhotoFault(_("有一个文件不是能用的照片。请附 JPEG、PNG 或 WebP 照片。")) from error
    return Photo(original=octets, media_type=media_type, shown=shown)


def _shown(image: Image.Image) -> bytes:
    if image.width * image.height > MAX_PIXELS:
        raise TooLarge(_("一张照片的像素太多。请用手机缩小后再附上。"))
    image.draft("RGB", (_LONGEST, _LONGEST))
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    upright.thumbnail((_LONGEST, _LONGEST))
    page = Image.new("RGB", upright.size, "white")
    page.paste(upright, mask=upright.getchannel("A"))
    out = io.BytesIO()
    page.save(out, "JPEG", quality=85)
    return out.getvalue()
