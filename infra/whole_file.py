"""Files that are written whole or not at all: beside their place first, then in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import NotWritten


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes ``path`` when the block ends well; ``NotWritten`` where that cannot be."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise NotWritten(f"{path} cannot be written ({error.strerror}).") from None
    finally:
        part.unlink(missing_ok=True)
