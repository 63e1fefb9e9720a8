"""Reading what people write of an entry: names, the guide's numbers or Chinese words, into one plain form.

Nothing is guessed: what cannot be read is a fault that names its element, and says what could stand there.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from catalog.entry_elements import ELEMENTS, ITEM_ELEMENTS, Element, Form
from catalog.item_names import suggested
from schemas.faults import Fault

Values = dict[str, Any]
_FLAGS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "1", "是", "yes"), True),
    **dict.fromkeys(("false", "0", "否", "no"), False),
}
MOST_ITEMS = 500


class _Unreadable(Exception):
    pass


def read_entry(raw: Mapping[str, Any]) -> tuple[Values, list[Fault]]:
    """Return the elements that could be read, and what is wrong with the others."""
    values, faults = read_elements(raw, ELEMENTS)
    rows = values.get("items")
    if isinstance(rows, list):
        values["items"] = []
        for number, row in enumerate(rows, 1):
            item, wrong = _read_item(number, row)
            values["items"].append(item)
            faults += wrong
    return values, faults


def _read_item(number: int, row: Any) -> tuple[Values, list[Fault]]:
    if not isinstance(row, Mapping):
        return {}, [Fault("name", "is no item; an item has name, title and type", item=number)]
    item, wrong = read_elements(row, ITEM_ELEMENTS, number)
    if "name" not in item and isinstance(title := item.get("title"), str):
        wrong = [_unnamed(number, title) if fault.element == "name" else fault for fault in wrong]
    return item, wrong


def _unnamed(number: int, title: str) -> Fault:
    names = suggested(title)
    hint = f"Elsewhere it is called {' or '.join(names)}." if names else "Choose a name for it."
    return Fault("name", f"of {title} is not told, and none is made up", hint, number)


def read_elements(
    raw: Mapping[str, Any], elements: Mapping[str, Element], number: int | None = None
) -> tuple[Values, list[Fault]]:
    """Read what a table of elements names; return what could be read, and what is wrong with the others."""
    faults = [
        Fault(str(name), "is no element", f"Elements are: {', '.join(elements)}.", number)
        for name in raw
        if name not in elements
    ]
    values: Values = {}
    for name, element in elements.items():
        written = raw.get(name)
        if written is None or written == "" or written == []:
            if element.required:
                faults.append(Fault(name, f"({element.title}) is not told", _choices(element), number))
            continue
        try:
            values[name] = _READERS[element.form](element, written)
        except _Unreadable as error:
            faults.append(Fault(name, str(error), _choices(element), number))
    return values, faults


def _choices(element: Element) -> str:
    if not element.choices:
        return ""
    told = ", ".join(f"{choice.value} ({choice.number} {choice.title})" for choice in element.choices)
    return f"It is one of: {told}."


def _text(element: Element, written: object) -> str:
    if isinstance(written, (Mapping, list, bool)):
        raise _Unreadable("is no text")
    text = str(written).strip()
    if not text:
        raise _Unreadable(f"({element.title}) is blank")
    if len(text) > element.longest:
        raise _Unreadable(f"is {len(text)} characters long; at most {element.longest} may be")
    if "\0" in text:
        raise _Unreadable("has a character that cannot be stored")
    return text


def _choice(element: Element, written: object) -> str:
    found = None if isinstance(written, (Mapping, list, bool)) else element.value_of(written)
    if found is None:
        raise _Unreadable(f"is {str(written)[:40]!r}, which means nothing here")
    return found


def _flag(_element: Element, written: object) -> bool:
    found = _FLAGS.get(str(written).strip().lower())
    if found is None:
        raise _Unreadable("is neither true nor false (1 or 0, 是 or 否)")
    return found


def _number(_element: Element, written: object) -> int:
    text = str(written).strip()
    if isinstance(written, bool) or not (text.isascii() and text.isdigit() and len(text) < 8):
        raise _Unreadable("is no whole number")
    return int(text)


def _date(_element: Element, written: object) -> date:
    if isinstance(written, datetime):
        return written.date()
    if isinstance(written, date):
        return written
    try:
        return date.fromisoformat(str(written).strip())
    except ValueError:
        raise _Unreadable("is no date of the form CCYY-MM-DD") from None


def _codes(element: Element, written: object) -> tuple[str, ...]:
    parts: Sequence[object] = (
        written if isinstance(written, (list, tuple)) else str(written).replace("；", ";").split(";")
    )
    return tuple(dict.fromkeys(_text(element, part) for part in parts))


def _items(_element: Element, written: object) -> list[object]:
    if not isinstance(written, (list, tuple)):
        raise _Unreadable("is no list of items")
    if len(written) > MOST_ITEMS:
        raise _Unreadable(f"are {len(written)}; at most {MOST_ITEMS} may be")
    return list(written)


_READERS: Mapping[Form, Callable[[Element, object], Any]] = {
    Form.TEXT: _text,
    Form.CHOICE: _choice,
    Form.FLAG: _flag,
    Form.NUMBER: _number,
    Form.DATE: _date,
    Form.CODES: _codes,
    Form.ITEMS: _items,
}
