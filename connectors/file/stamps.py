"""When a file of a server was changed, and its stamp, from what fsspec's file systems tell of it, each in its own words."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


def modified_of(info: Mapping[str, Any]) -> datetime | None:
    """Return when the file was changed (UTC), where the server tells: SFTP, S3, FTP (RFC 3659), HTTP (RFC 9110)."""
    told = info.get("mtime") or info.get("LastModified")
    if isinstance(told, datetime):
        return told.astimezone(UTC).replace(microsecond=0)  # S3 tells parts of seconds in listings alone
    with contextlib.suppress(ValueError, TypeError, IndexError):
        if "modify" in info:
            stamp = str(info["modify"]).partition(".")[0]
            return datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        if "Last-Modified" in info:
            return parsedate_to_datetime(str(info["Last-Modified"])).astimezone(UTC)
    return None


def stamp_of(info: Mapping[str, Any], modified: datetime | None) -> str:
    """Return all that the server tells of the file's content: size, time and tag, as far as it does."""
    return f"{info.get('size')}:{modified.isoformat() if modified else ''}:{tag_of(info)}"


def tag_of(info: Mapping[str, Any]) -> str:
    """Return the tag of the file's content; empty where the server gives it none."""
    return str(info.get("ETag") or info.get("Content-MD5") or "").strip('"')
