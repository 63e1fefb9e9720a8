"""An answer as a Mermaid flowchart. Names come from departments, so nothing of them is trusted to be harmless there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_PLAIN = frozenset(" _-./,")
"""Characters that mean nothing to Mermaid within quotes; whatever else is no letter or digit goes in by its number."""

SHAPES: Mapping[str, tuple[str, str]] = {
    "source": ("[(", ")]"), "column": ("[", "]"), "batch": ("[[", "]]"), "rule": ("{{", "}}"), "item": ("([", "])"),
    "agreement": ("[/", "/]"), "system": ("[", "]"), "scorecard": ("[\\", "\\]"), "dag": (">", "]"), "word": ("[", "]"),
}  # fmt: skip


@dataclass
class Picture:
    """Nodes by what they stand for, and arrows; drawn from left to right."""

    _names: dict[tuple[str, str], str] = field(default_factory=dict)
    _lines: list[str] = field(default_factory=list)
    _arrows: dict[str, None] = field(default_factory=dict)

    def node(self, kind: str, key: str, *lines: str) -> str:
        """Return the id of a node, drawn at its first mention; ``lines`` are its label, else the key is."""
        place = (kind, key)
        if place not in self._names:
            self._names[place] = f"n{len(self._names)}"
            left, right = SHAPES[kind]
            label = "<br>".join(quoted(line) for line in lines or (key,))
            self._lines.append(f'    {self._names[place]}{left}"{label}"{right}')
        return self._names[place]

    def arrow(self, start: str, end: str, label: str = "", *, lost: bool = False) -> None:
        """Draw an arrow once; a dotted one for a word that lost."""
        line = "-.->" if lost else "-->"
        told = f'|"{quoted(label)}"|' if label else ""
        self._arrows[f"    {start} {line}{told} {end}"] = None

    def text(self) -> str:
        """Return the flowchart."""
        return "\n".join(("flowchart LR", *self._lines, *self._arrows)) + "\n"


def quoted(text: str) -> str:
    """Return a text that stands for itself within the quotes of a Mermaid label."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return (
        "".join(letter if letter.isalnum() or letter in _PLAIN else f"#{ord(letter)};" for letter in shown)
        or " "
    )


def of_record(answer: Mapping[str, Any]) -> str:
    """Draw where the items of a record came from."""
    picture = Picture()
    for item in answer["items"]:
        end = picture.node("item", item["item"], item["item"], item["title"])
        if origin := item["origin"]:
            _origin(picture, origin, end)
        for other in item["others"]:
            start = picture.node(
                "word", f"{other['source']} {item['item']}", other["source"], f"says {other['says']}"
            )
            picture.arrow(start, end, other["lost_by"], lost=True)
    return picture.text()


def _origin(picture: Picture, origin: Mapping[str, Any], end: str) -> None:
    batch = origin["batch"]
    start = picture.node("source", origin["source"], origin["source"], origin["department"] or "")
    arrived = picture.node(
        "batch", str(batch["number"]), f"batch {batch['number']}", batch["recorded_at"][:19]
    )
    columns = origin["columns"] or ["no column"]
    for column in columns:
        read = picture.node("column", f"{origin['source']} {column}", column)
        picture.arrow(start, read)
        picture.arrow(read, arrived, "; ".join((origin["transformation"] or {}).get("steps", ())[1:]))
    picture.arrow(arrived, end, origin["rule"])


def of_impact(answer: Mapping[str, Any]) -> str:
    """Draw what depends on a column, an item, a source or a resource."""
    picture = Picture()
    titles = {source["code"]: source["department"] for source in answer["sources"]}
    library = picture.node("source", f"library {answer['resource']['code']}", answer["resource"]["title"])
    column = answer["of"].get("column")
    for item in answer["items"]:
        end = picture.node("item", item["item"], item["item"], item["title"])
        picture.arrow(end, library)
        for edge in item["from"]:
            start = picture.node("source", edge["source"], edge["source"], titles.get(edge["source"], ""))
            _columns(picture, start, edge, end, column)
    for agreement in answer["agreements"]:
        _agreement(picture, agreement)
    _after(picture, library, answer)
    return picture.text()


def _columns(picture: Picture, start: str, edge: Mapping[str, Any], end: str, only: str | None) -> None:
    shown: Iterable[str] = [only] if only else edge["columns"]
    for column in shown:
        read = picture.node("column", f"{edge['source']} {column}", column)
        picture.arrow(start, read)
        picture.arrow(read, end, edge["kind"])


def _agreement(picture: Picture, agreement: Mapping[str, Any]) -> None:
    node = picture.node("agreement", agreement["agreement"])
    reads = picture.node("system", agreement["system"])
    for told in agreement["items"]:
        picture.arrow(picture.node("item", told["item"]), node, "masked" if told["masked"] else "")
    calls = max((told["calls"] for told in agreement["items"]), default=0)
    picture.arrow(node, reads, f"{calls} calls")


def _after(picture: Picture, library: str, answer: Mapping[str, Any]) -> None:
    for card in answer["scorecards"]:
        picture.arrow(library, picture.node("scorecard", card["subject"], f"scorecard {card['subject']}"))
    for dag in answer["dags"]:
        picture.arrow(library, picture.node("dag", dag, f"DAG {dag}"))
