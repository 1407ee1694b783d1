"""What can go wrong in search; each message says what to do."""

from __future__ import annotations


class SearchFault(Exception):
    """Search cannot do what was asked."""


class DocumentFault(SearchFault):
    """A source gave a document that does not have its shape."""


class SourceFault(SearchFault):
    """A source cannot be registered, or nobody registered it."""


class QueryFault(SearchFault):
    """A search cannot be made as asked; ``field`` is the parameter to change."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class OutsideTransaction(SearchFault):
    """A change was marked outside the transaction that makes it."""

    def __init__(self) -> None:
        super().__init__(
            "Mark changed documents inside the transaction that changes them: `with transaction.atomic():`."
        )


class EngineFault(SearchFault):
    """The engine failed or cannot be reached; nothing was lost, the marks are still there."""


class WriterBusy(EngineFault):
    """Another process is writing this index; it takes our marks too."""


class RebuildRunning(SearchFault):
    """This index is being rebuilt already."""
