"""What a series of changes tells of the codes in it: which meant what, in which periods."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from catalog.change_notices import Refusal, Told
from schemas.divisions import ALWAYS, Division, Level

_LEVELS = {6: Level.COUNTY, 9: Level.TOWN, 12: Level.VILLAGE}
_ABOVE = {6: 4, 9: 6, 12: 9}


@dataclass
class _Book:
    """The codes as the events so far left them."""

    open: dict[str, tuple[str, date]] = field(default_factory=dict)
    ended: dict[str, date] = field(default_factory=dict)
    rows: list[Division] = field(default_factory=list)

    def contradicts(self, told: Told) -> str:
        """Say what an event contradicts, or nothing."""
        day = told.event.day
        for code, name in told.before.items():
            known, since = self.open.get(code, (name, ALWAYS))
            if known != name:
                return f"{code} is called {name}, but an earlier row called it {known}"
            if since == day or (code not in self.open and self.ended.get(code) == day):
                return f"{code} changes twice in {day.year}, and no row tells which change was first"
        for code, name in told.after.items():
            known, _ = self.open.get(code, (name, ALWAYS))
            if code not in told.before and known != name:
                return f"{code} is {name} after it, but an earlier row called it {known}"
        return ""

    def write(self, told: Told) -> None:
        """End what the event ends and begin what it begins; what keeps code and name goes on."""
        day = told.event.day
        for code, name in told.before.items():
            if told.after.get(code) != name:
                heirs = () if code in told.after else told.event.after
                self._end(code, name, day, heirs)
            elif code not in self.open:
                self.open[code] = (name, self.ended.get(code, ALWAYS))
        for code, name in told.after.items():
            self.open.setdefault(code, (name, day))

    def _end(self, code: str, name: str, day: date, heirs: tuple[str, ...]) -> None:
        _, since = self.open.pop(code, (name, self.ended.get(code, ALWAYS)))
        self.rows.append(_division(code, name, since, day, heirs))
        self.ended[code] = day

    def all(self) -> list[Division]:
        """Return every meaning, those in force last."""
        return [
            *self.rows,
            *(_division(code, name, since, None) for code, (name, since) in self.open.items()),
        ]


def meanings_told(events: Iterable[Told]) -> tuple[list[Division], list[Told], list[Refusal]]:
    """Return the meanings that events tell, the events that hold together, and the rows of those that do not."""
    book, kept, refused = _Book(), [], []
    for told in events:
        why = book.contradicts(told)
        if why:
            refused += [Refusal(place, why) for place in told.places]
            continue
        book.write(told)
        kept.append(told)
    return book.all(), kept, refused


def _division(code: str, name: str, since: date, until: date | None, heirs: tuple[str, ...] = ()) -> Division:
    width = len(code)
    return Division(code, name, _LEVELS[width], code[: _ABOVE[width]], since, until, heirs)
