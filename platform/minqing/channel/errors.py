"""What can go wrong in the channel; each message is the sentence a person reads."""

from __future__ import annotations

from django.utils.translation import gettext as _


class ChannelFault(Exception):
    """A request to the channel cannot be done as asked; nothing was stored."""

    status = 400


class FormFault(ChannelFault):
    """The submitted form cannot be read."""


class WordsFault(ChannelFault):
    """The words cannot be kept exactly as they came, so they are not taken at all."""


class TooLarge(ChannelFault):
    """The words, a photo or the whole form is larger than what is taken."""

    status = 413


class PhotoFault(ChannelFault):
    """A file is not a photo of a kind that is taken."""


class UnknownCode(ChannelFault):
    """No report answers to the code; the same sentence for every code that fits none."""

    status = 404

    def __init__(self) -> None:
        super().__init__(_("没有查到。请核对查询码：16 位数字，四位一组。"))


class UnknownCase(ChannelFault):
    """No case of that number that this person may see; the same for both reasons."""

    status = 404

    def __init__(self) -> None:
        super().__init__(_("没有这个受理编号，或者不由您办理。"))


class MoveRefused(ChannelFault):
    """The case is in a state from which this step does not lead anywhere."""

    status = 409


class CodeSeenByStaff(ChannelFault):
    """The code was read out or printed by staff and must be changed first."""

    status = 409

    def __init__(self) -> None:
        super().__init__(_("这个查询码工作人员见过。请先换一个新码，再来评价。"))


class NoReceiver(ChannelFault):
    """Nobody connected may open this; nothing was stored."""

    status = 409


class NotDesignated(ChannelFault):
    """This unit has not entered the document by which it may take such reports."""

    status = 404

    def __init__(self) -> None:
        super().__init__(
            _("本单位没有接收这类反映的授权文件，不能在这里填写。请拨打 12388 或 12380。")
        )
