"""The query code (查询码): 16 digits in fours, so that a telephone can read it; stored only stretched.

What is stored is scrypt of the code, salted with the deployment's pepper and the unit: one value, so that
a code is found by looking it up, and an unknown code costs exactly what a known one does. Without the pepper
(a file, not a row) a stolen database cannot be searched at all; with it each guess costs 8 MiB and some
twenty milliseconds, and there are 10^16: millions of years of a core, while a hall full of people who follow
their reports does not stop the server.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import unicodedata

from django.conf import settings

from minqing.channel.errors import UnknownCode
from tenants.current import current_unit

DIGITS = 16
_COST = 2**13
_MEMORY = 32 * 1024 * 1024

# At most this many stretchings at a time in one process: a flood of guesses waits instead of filling memory.
_places = threading.BoundedSemaphore(2)


def code_make() -> str:
    """Return a new code of 53 random bits, written in groups of four."""
    return code_written(f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}")


def code_written(digits: str) -> str:
    """Return the digits in groups of four."""
    return " ".join(digits[start : start + 4] for start in range(0, DIGITS, 4))


def code_stretched(code: str) -> bytes:
    """Return the 32 octets under which a code is stored; blanks, hyphens and full-width digits are understood.

    Raises:
        UnknownCode: it is no code at all; the same answer as for one that nobody has.
    """
    digits = "".join(
        character
        for character in unicodedata.normalize("NFKC", code[:80])
        if character not in " -\t\u3000\u2013\u2014"
    )
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        raise UnknownCode
    salt = hmac.digest(
        settings.CHANNEL_PEPPER, b"minqing/code/v1\0" + current_unit().code.encode(), hashlib.sha256
    )
    with _places:
        return hashlib.scrypt(
            digits.encode(), salt=salt, n=_COST, r=8, p=1, maxmem=_MEMORY, dklen=32
        )
