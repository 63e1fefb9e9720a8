"""What a call asks, as far as an agreement has to know it."""

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol


class Way(StrEnum):
    """What is done with the records a call asks for."""

    READ = "read"
    VERIFY = "verify"
    DERIVE = "derive"


class Asking(Protocol):
    """What an agreement needs to know of a call to decide on it."""

    @property
    def items(self) -> Collection[str]:
        """The items asked for by name; none means all the agreement covers."""
        ...

    @property
    def by(self) -> str | None:
        """The lookup item records are asked for by; ``None`` means the resource's key."""
        ...

    @property
    def way(self) -> Way:
        """Whether items are read, what is claimed of them is verified, or an answer derived from them."""
        ...

    @property
    def question(self) -> str:
        """The question asked, as ``name@version``; empty where none is."""
        ...

    @property
    def filtered(self) -> Collection[str] | None:
        """The items that records are chosen by, none where all are wanted; ``None`` where they are asked for by keys."""
        ...

    @property
    def purpose(self) -> str:
        """What the data is for."""
        ...

    @property
    def legal_basis(self) -> str:
        """The law that the caller acts under."""
        ...

    @property
    def case_code(self) -> str:
        """The case the call belongs to."""
        ...

    @property
    def organisation(self) -> str:
        """The organisation of the system that calls."""
        ...

    @property
    def provenance(self) -> bool:
        """Whether it is also asked where values come from."""
        ...

    @property
    def signed(self) -> bool:
        """Whether the system has signed this very call."""
        ...

    @property
    def number_of_keys(self) -> int:
        """How many records are asked for."""
        ...
