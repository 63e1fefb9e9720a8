"""The matching of two tables, level by level from the top: by what authorities told, then by name and parent.

A name that several places bear is decided by the code beside it, or not at all. Every rule is one hash join over a level.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from catalog.places import Key, Place, Side, alone, by_name
from schemas.divisions import Level


@dataclass(frozen=True)
class Following:
    """What an authority says a place became: the heirs, each as ``by_name`` knows it, and where it says so."""

    heirs: tuple[object, ...]
    evidence: str


@dataclass
class Matching:
    """Two tables and what of them is matched so far: code of the left ↔ code of the right."""

    left: Side
    right: Side
    successions: Mapping[object, Following]
    to_right: dict[str, tuple[Place, str]] = field(default_factory=dict)
    to_left: dict[str, Place] = field(default_factory=dict)
    several: dict[tuple[str, str], str] = field(default_factory=dict)
    followed: dict[str, tuple[Sequence[Place], str]] = field(default_factory=dict)
    unfollowed: dict[str, str] = field(default_factory=dict)
    heirs: set[str] = field(default_factory=set)
    _partly: set[str] = field(default_factory=set)

    def match_level(self, level: Level | None) -> None:
        """Match a level, whose parents are matched: what authorities told first, then the plainest evidence."""
        self._follow(level)
        anchors = self._anchors(level)
        for words, form, with_code in (
            ("name and parent", "written", False),
            ("name, parent and code", "written", True),
            ("name and parent, the only ones left", "written", False),
            ("name without its kind, and parent", "bare", False),
            ("name without its kind, parent and code", "bare", True),
        ):
            self._join(level, words, form, _key(anchors, form, with_code=with_code))
        self._join_loose(level)
        self._doubt(level, "name and parent of several", lambda p: (anchors[id(p)], p.bare))
        self._doubt(level, "name and code under another parent", lambda p: (p.code, p.written))
        self._doubt_moved(level)

    def _follow(self, level: Level | None) -> None:
        """Settle the places of the left that are told to have become others, where the right has those."""
        for place in self.left.by_level[level] if self.successions else ():
            told = self.successions.get(by_name(place))
            if told is None:
                continue
            found = [heir for heir in (self.right.by_name.get(key) for key in told.heirs) if heir is not None]
            if not told.heirs or not found:
                self.unfollowed[place.row.code] = (
                    told.evidence
                )  # the right table may be older, or call it otherwise
            elif len(found) == len(told.heirs):
                self.followed[place.row.code] = (found, told.evidence)
                self.heirs.update(heir.row.code for heir in found)
            else:
                self._partly.add(place.row.code)
                for heir in found:
                    self.several[place.row.code, heir.row.code] = (
                        f"{told.evidence}; not all of them are on the right"
                    )

    def _open(self, side: Side, level: Level | None, *, heirs: bool = False) -> list[Place]:
        """Return the places of a level that are not settled; with the told heirs of others, which live on beside them."""
        if side is self.left:
            settled = self.to_right.keys() | self.followed.keys() | self._partly
        else:
            settled = self.to_left.keys() | (set() if heirs else self.heirs)
        return [place for place in side.by_level[level] if place.row.code not in settled]

    def _anchors(self, level: Level | None) -> dict[int, str]:
        """Say what each place stands under: its nearest matched ancestor, else its province's two digits."""
        found = {}
        for place in self.left.by_level[level]:
            above = (self._counterpart(up) for up in self.left.ancestors(place))
            nearest = next((up for up in above if up is not None), None)
            found[id(place)] = f">{nearest.row.code}" if nearest else place.province
        known = self.to_left.keys() | self.heirs
        for place in self.right.by_level[level]:
            nearest = next((up for up in self.right.ancestors(place) if up.row.code in known), None)
            found[id(place)] = f">{nearest.row.code}" if nearest else place.province
        return found

    def _counterpart(self, place: Place) -> Place | None:
        """Return the one place of the right that a place of the left is, or became."""
        code = place.row.code
        if code in self.to_right:
            return self.to_right[code][0]
        heirs, _ = self.followed.get(code, ((), ""))
        return heirs[0] if len(heirs) == 1 else None

    def _join(self, level: Level | None, evidence: str, form: str, key: Key) -> None:
        """Match places of equal key where it is one place's alone on either side."""
        right = alone(self._open(self.right, level, heirs=form == "written"), key)
        for found, place in alone(self._open(self.left, level), key).items():
            if found in right:
                self._pair(place, right[found], evidence)

    def _join_loose(self, level: Level | None) -> None:
        """Match across parents that are no one's match, by a name that is alone in its province on either side."""
        key: Key = lambda place: (place.province, place.written)  # noqa: E731
        right = alone(self._open(self.right, level), key)
        for found, place in alone(self._open(self.left, level), key).items():
            other = right.get(found)
            if other and not (self._held(self.left, place) and self._held(self.right, other)):
                self._pair(place, other, "name within the province, parent unmatched")

    def _held(self, side: Side, place: Place) -> bool:
        """Tell whether a place's parent is some one's match."""
        parent = side.by_code.get(place.row.parent)
        if parent is None:
            return False
        return (
            self._counterpart(parent) is not None
            if side is self.left
            else parent.row.code in self.to_left.keys() | self.heirs
        )

    def _pair(self, left: Place, right: Place, evidence: str) -> None:
        self.to_right[left.row.code] = (right, evidence)
        self.to_left[right.row.code] = left

    def _doubt_moved(self, level: Level | None) -> None:
        """Doubt a name that is left alone in its province on either side, under parents that are not each other's."""
        key: Key = lambda place: (place.province, place.written)  # noqa: E731
        right = alone(self._open(self.right, level), key)
        for found, place in alone(self._open(self.left, level), key).items():
            if found in right:
                pair = (place.row.code, right[found].row.code)
                self.several.setdefault(
                    pair, "name within the province under another parent: moved, or another place"
                )

    def _doubt(self, level: Level | None, evidence: str, key: Key) -> None:
        """Remember which places could be one another and are not decided."""
        right: defaultdict[object, list[Place]] = defaultdict(list)
        for place in self._open(self.right, level):
            right[key(place)].append(place)
        for place in self._open(self.left, level):
            for other in right.get(key(place), ()):
                self.several.setdefault((place.row.code, other.row.code), evidence)


def _key(anchors: Mapping[int, str], form: str, *, with_code: bool) -> Key:
    return lambda place: (anchors[id(place)], getattr(place, form), place.code if with_code else "")
