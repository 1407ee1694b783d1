"""Photos and originals: sealed as they came, shown without what the camera wrote, opened with a reason."""

from __future__ import annotations

import random

import pytest

from minqing.accounts.errors import NotAllowed
from minqing.accounts.models import Role
from minqing.channel import selectors, services
from minqing.channel.errors import (
    FormFault,
    PhotoFault,
    TooLarge,
    UnknownCase,
    UnknownCode,
)
from minqing.channel.models import Attachment
from minqing.channel.originals import OriginalFault, opened
from minqing.channel.photos import photo_read
from sync.models import Pending
from tests.support.channel import exif_of, handler, lodged, photo, staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]


def test_photos_are_sealed_as_they_came_and_shown_without_what_the_camera_wrote():
    from PIL import Image

    taken_in = photo(exif=exif_of("SecretPhone"))
    assert b"SecretPhone" in taken_in
    taken = lodged(photos=(taken_in, photo(form="PNG"), photo(form="WEBP")))
    kept = Attachment.objects.get(n=0)
    record = Pending.objects.get(commitment=bytes.fromhex(kept.commitment))
    assert b"SecretPhone" not in bytes(kept.original) + bytes(record.body) + bytes(record.header)
    assert opened(bytes(kept.original), kept.digest) == taken_in
    view = selectors.case_by_code(taken.code)
    shown = selectors.photo_by_code(taken.code, view.photos[0].id)
    assert b"SecretPhone" not in shown
    import io

    again = Image.open(io.BytesIO(shown))
    assert not again.getexif()
    assert again.size == (48, 64)
    with pytest.raises(PhotoFault, match="最多"):
        lodged(photos=(taken_in,) * 4)
    with pytest.raises(UnknownCode):
        selectors.photo_by_code(taken.code, "no-such-photo")


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_damaged_metadata_never_brings_anything_but_a_photo_or_a_sentence(form):
    from PIL import Image

    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif.get_ifd(0x8825)[2] = "Maker", 6, (1.0, 2.0, 3.0)
    whole, dice = photo(exif=exif.tobytes(), form=form), random.Random(430522)
    metadata = whole.index(b"MM\x00*") if b"MM\x00*" in whole else whole.index(b"II*\x00")
    outcomes = set()
    for _ in range(400):
        octets = bytearray(whole)
        for _ in range(3):
            octets[metadata + dice.randrange(90)] = dice.choice([0, 1, 2, 5, 10, 12, 255])
        try:
            outcomes.add(photo_read(bytes(octets)).media_type)
        except PhotoFault:
            outcomes.add("refused")
    assert f"image/{form.lower()}" in outcomes


def test_a_picture_of_absurd_size_is_refused_before_it_is_unpacked():
    for big in (photo(form="PNG", size=(5100, 5000)), photo(form="JPEG", size=(9000, 9000))):
        with pytest.raises(TooLarge, match="像素"):
            lodged(photos=(big,))


def test_an_original_opens_for_a_handler_with_a_reason_and_the_reporter_reads_it():
    taken_in = photo(exif=exif_of("SecretPhone"))
    taken = lodged(photos=(taken_in,))
    by = handler()
    (shown,) = selectors.case_for(by, taken.number).photos
    asked = {"number": taken.number, "photo": shown.id}
    with pytest.raises(FormFault, match="为什么"):
        services.original_open(by=by, reason=" ", **asked)
    with pytest.raises(NotAllowed):
        services.original_open(by=staff("s", Role.SUPERVISOR), reason="核对", **asked)
    with pytest.raises(UnknownCase):
        services.original_open(by=by, number=taken.number, photo="x", reason="核对")
    before = Pending.objects.filter(kind="accounts.read").count()
    original = services.original_open(by=by, reason="核对拍摄时间", **asked)
    assert original.octets == taken_in
    read = Pending.objects.filter(kind="accounts.read").order_by("id").last()
    assert Pending.objects.filter(kind="accounts.read").count() == before + 1
    assert b"photo.original" in bytes(read.body)
    assert "核对拍摄时间" in selectors.case_by_code(taken.code).steps[-1].note


def test_an_original_that_was_exchanged_in_the_database_does_not_open():
    taken = lodged(photos=(photo(), photo(form="PNG")))
    by = handler()
    first, second = Attachment.objects.order_by("n")
    Attachment.objects.filter(pk=first.pk).update(original=bytes(second.original))
    with pytest.raises(OriginalFault):
        services.original_open(by=by, number=taken.number, photo=str(first.pk), reason="核对")
    assert len(selectors.case_by_code(taken.code).steps) == 1
