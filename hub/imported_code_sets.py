"""Imported editions of code sets, for mappings and rules that name one with its day: ``towns:2024@2024-12-31``."""

from catalog.code_sets import CodeSets
from hub.code_crosswalks import standing
from infra.database import Database, Role
from schemas.code_sets import CodeSet
from schemas.errors import DefinitionError


class ImportedCodeSets:
    """Finds the code set that a definition names; what was found once is held, for editions never change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[str, CodeSet] = {}

    def __call__(self, written: str) -> CodeSet:
        """Return the codes of an edition on a day, or raise ``DefinitionError`` or ``UnknownCodeSet``.

        Both must be said: a definition must not change its meaning when another edition comes in.
        """
        if written not in self._held:
            self._held[written] = self._read(written)
        return self._held[written]

    def _read(self, written: str) -> CodeSet:
        edition, marked, day = written.partition(":")[2].partition("@")
        if not (edition and marked and day):
            raise DefinitionError(
                "An imported code set is named without its edition or day.",
                hint="Write it as name:edition@date.",
            )
        with self._database.engine(Role.APPLICATION).connect() as connection:
            code_sets = CodeSets(connection)
            there = standing(code_sets, written)
            rows = code_sets.everything(there.edition, there.day)
        entries = {row.code: row.name for row in rows}
        return CodeSet(written, there.edition.title, there.edition.standard, entries, {}, unique_labels=True)
