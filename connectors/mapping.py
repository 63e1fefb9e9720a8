"""How one item of a resource is got from a source's raw columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.errors import DefinitionError, HubError


@dataclass(frozen=True)
class Constant:
    """A fixed text among joined columns, such as the kind in ``penalty:<number>:<authority>``."""

    text: str


@dataclass(frozen=True)
class ItemMapping:
    """Exactly one of ``column``, ``columns`` (joined by ``join``) or ``constant``, and how to read the value.

    ``codes`` maps the department's own values to codes, ``code_set`` the labels of a shared code set; both may be
    given, ``codes`` first. ``date`` is ``auto``, a pattern of ``%Y %m %d %H %M %S``
    (``%y`` for a year of two digits), or a list of them, of which the first that fits counts. ``scale`` multiplies a number.
    """

    column: str | None = None
    columns: tuple[str | Constant, ...] = ()
    join: str = ""
    constant: str | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    code_set: str | None = None
    date: tuple[str, ...] = ("auto",)
    scale: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        given = [self.column is not None, bool(self.columns), self.constant is not None]
        if sum(given) != 1:
            raise DefinitionError("needs exactly one of 'column', 'columns' and 'constant'.")
        if not self.date or not all(map(_is_date, self.date)):
            raise DefinitionError("'date' is neither 'auto' nor a pattern with %Y or %y, %m and %d.")

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The raw columns it reads."""
        if self.column is not None:
            return (self.column,)
        return tuple(part for part in self.columns if isinstance(part, str))


def _is_date(pattern: str) -> bool:
    year = ("%Y" in pattern) != ("%y" in pattern)
    return pattern == "auto" or (year and "%m" in pattern and "%d" in pattern)


def parse_mapping(item: str, raw: Any) -> ItemMapping:
    """Read one entry of ``mapping:``; raises ``DefinitionError`` naming ``mapping.<item>``."""
    known = {entry.name for entry in fields(ItemMapping)}
    if not isinstance(raw, dict):
        raise DefinitionError(f"mapping.{item} is not of the form {{column: …}}.")
    if unknown := sorted(set(raw) - known):
        raise DefinitionError(
            f"mapping.{item}.{unknown[0]} is unknown.", hint=f"Known are: {', '.join(sorted(known))}."
        )
    try:
        return ItemMapping(**{name: _parsed(name, value) for name, value in raw.items()})
    except HubError as error:
        raise DefinitionError(f"mapping.{item}: {error.detail}", hint=error.hint) from None


def _parsed(name: str, value: Any) -> Any:
    parser: Callable[[Any], Any] = _PARSERS.get(name) or _text
    return parser(value)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DefinitionError(
            f"a value of type {type(value).__name__} stands where a text is needed; quote it."
        )
    return str(value)


def _columns(value: Any) -> tuple[str | Constant, ...]:
    if not isinstance(value, list) or not value:
        raise DefinitionError("'columns' is not a list of columns.")
    return tuple(
        Constant(_text(part["constant"])) if isinstance(part, dict) and "constant" in part else _text(part)
        for part in value
    )


def _dates(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, list) else (_text(value),)


def _codes(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict) or not value:
        raise DefinitionError("'codes' is not a mapping of the department's values to codes.")
    return {_text(key): _text(code) for key, code in value.items()}


def _code_set(value: Any) -> str:
    from schemas.code_sets import code_set

    return code_set(_text(value)).name


def _scale(value: Any) -> Decimal:
    try:
        scale = Decimal(str(value))
    except InvalidOperation:
        raise DefinitionError("'scale' is not a number.") from None
    if not scale.is_finite() or scale == 0:
        raise DefinitionError("'scale' is not a finite number other than 0.")
    return scale


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "columns": _columns,
    "codes": _codes,
    "date": _dates,
    "code_set": _code_set,
    "scale": _scale,
}
