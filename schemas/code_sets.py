"""Code sets (代码集): what a coded item may hold, and the words registers use for it.

Each is a file under ``schemas/code_sets``: YAML with name, title, standard, entries and synonyms, or a table of
code and name with a tab between. A rule that can change lives there, not in code. Tables that were imported are named by
edition and day, ``name:edition@date``, and resolved by what the composition root gives ``resolve_imported_by``.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import yaml

from schemas.errors import DefinitionError

_imported: list[Callable[[str], "CodeSet"]] = []
_TABLES = {"industry": ("国民经济行业分类", "GB/T 4754-2017")}


@dataclass(frozen=True)
class CodeSet:
    """One code set: ``entries`` maps code → Chinese label in the standard's order, ``synonyms`` other words → code.

    Where ``unique_labels`` is said, a label that several codes bear is not understood: a hundred towns are called 城关镇.
    """

    name: str
    title: str
    standard: str
    entries: Mapping[str, str]
    synonyms: Mapping[str, str]
    unique_labels: bool = False

    def __post_init__(self) -> None:
        if not self.entries:
            raise DefinitionError(f"Code set {self.name} has no entries.")
        if not all(isinstance(part, str) for pair in self.entries.items() for part in pair):
            raise DefinitionError(
                f"Code set {self.name} has a code or label that is not text; put it in quotes."
            )
        for word, code in self.synonyms.items():
            if code not in self.entries:
                raise DefinitionError(
                    f"Code set {self.name}: synonym {word!r} means {code!r}, which is no code of it."
                )
            if self._labels.get(word, code) != code:
                raise DefinitionError(
                    f"Code set {self.name}: synonym {word!r} is already the label of another code."
                )

    def __contains__(self, code: object) -> bool:
        return code in self.entries

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code, in the standard's order."""
        return tuple(self.entries)

    @cached_property
    def _labels(self) -> Mapping[str, str]:
        if self.unique_labels:
            borne = Counter(self.entries.values())
            return {label: code for code, label in self.entries.items() if borne[label] == 1}
        # Divisions, groups and classes of GB/T 4754 may share a name; a register means the most detailed one.
        return {label: code for code, label in sorted(self.entries.items(), key=lambda entry: len(entry[0]))}

    @cached_property
    def words(self) -> Mapping[str, str]:
        """Everything that can be understood → its code: labels, synonyms, and the codes themselves."""
        return MappingProxyType({**self._labels, **self.synonyms, **{code: code for code in self.entries}})

    @cached_property
    def column(self) -> pa.Array:
        """Every code, as an Arrow column."""
        return pa.array(list(self.entries), pa.string())

    def label(self, code: str) -> str | None:
        """Return the Chinese label of a code, or None when it is no code of this set."""
        return self.entries.get(code)

    def code_of(self, word: str) -> str | None:
        """Return the code for a label, a synonym or a code, or None when the word is not understood."""
        return self.words.get(word)


@cache
def code_sets_shipped() -> Mapping[str, CodeSet]:
    """Every code set under ``schemas/code_sets``, by name."""
    folder = resources.files("schemas") / "code_sets"
    found = sorted(folder.iterdir(), key=lambda file: file.name)
    read = [_read(file) for file in found if file.name.endswith((".yaml", ".tsv"))]
    return {code_set.name: code_set for code_set in read}


def code_set(name: str) -> CodeSet:
    """Return the code set of that name, or raise ``DefinitionError``."""
    shipped = code_sets_shipped()
    if name not in shipped and ":" in name and _imported:
        return _imported[-1](name)
    if name not in shipped:
        raise DefinitionError(f"There is no code set {name!r}.", hint=f"Defined are: {', '.join(shipped)}.")
    return shipped[name]


def resolve_imported_by(resolver: Callable[[str], CodeSet]) -> None:
    """Let ``code_set`` find imported tables from now on, in this process; the resolver raises where there is none."""
    _imported[:] = [resolver]


def parse_code_set(text: str, origin: str = "definition") -> CodeSet:
    """Read a code set from YAML; ``origin`` names the file in errors."""
    try:
        raw: dict[str, Any] = yaml.safe_load(text)
        return CodeSet(**{"synonyms": {}, **raw})
    except DefinitionError as error:
        raise DefinitionError(f"{origin}: {error.detail}") from None
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise DefinitionError(f"{origin} is not a code set: {error}.") from error


def _read(file: Traversable) -> CodeSet:
    text = file.read_text(encoding="utf-8")
    if file.name.endswith(".yaml"):
        return parse_code_set(text, file.name)
    name = file.name.removesuffix(".tsv")
    title, standard = _TABLES[name]
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return CodeSet(name, title, standard, dict(rows), {})
