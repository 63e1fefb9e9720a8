"""Who logs in to PostgreSQL as what: the hub's three roles, and the URLs that take them on."""

import re
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from infra.settings import Settings
from schemas.errors import ConfigurationError, DatabaseFull, DatabaseNotReady, DatabaseUnavailable, HubError

_ATTEMPTS = 5
_NO_ROOM = "53100"
_SHUT_DOWN = frozenset({"57P01", "57P02", "57P03"})
_SET_ROLE_SINCE = 160_000  # from version 16 on, membership and the right to SET ROLE are two things


class Role(StrEnum):
    """PostgreSQL roles. Only the owner changes the schema; only it could change the ledger's past."""

    OWNER = "hub_owner"
    APPLICATION = "hub_application"
    AUDITOR = "hub_auditor"


def urls_of(settings: Settings) -> Mapping[Role, str]:
    """URL by role, of the server the settings name. Without a URL of its own a role is taken by the owner's login."""
    given = {
        Role.OWNER: settings.database_url,
        Role.APPLICATION: settings.database_application_url,
        Role.AUDITOR: settings.database_auditor_url,
    }
    urls = {role: url or settings.database_url for role, url in given.items()}
    for url in given.values():
        if url:
            place_of(url)
    return {role: as_role(url, role) for role, url in urls.items() if url}


def as_role(url: str, role: Role) -> str:
    """The URL with a start-up option by which the session takes on that role; libpq, asyncpg and ADBC know it."""
    option = quote(f"-c role={role}", safe="")
    if re.search(r"[?&]options=", url):
        return re.sub(r"([?&]options=)([^&]*)", rf"\g<1>\g<2>%20{option}", url, count=1)
    return f"{url}{'&' if '?' in url else '?'}options={option}"


def place_of(url: str) -> str:
    """Database and host of a URL, in words; never the password. ``ConfigurationError`` for what is no URL."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ConfigurationError("A database URL is malformed.", hint="See docs/settings.md.") from None
    host, port = parts.get("host") or "localhost", parts.get("port") or "5432"
    return f"database {parts.get('dbname') or parts.get('user')!s} on {host}:{port}"


def unavailable(url: str, error: Exception) -> HubError:
    """What to tell when a connection fails: place and cause, without the server's own words."""
    place = place_of(url)
    state = getattr(error, "sqlstate", None)
    words = str(error)
    if state == _NO_ROOM or "No space left on device" in words:
        return _full(url)
    if (
        state in {"28P01", "28000"}
        or "password authentication failed" in words
        or "no password supplied" in words
    ):
        return DatabaseUnavailable(
            f"The {place} refused the login.", hint="Check user and password of the URL."
        )
    if state == "3D000" or ("database" in words and "does not exist" in words):
        return DatabaseUnavailable(f"The {place} does not exist.", hint="Create it, or run: hub db upgrade")
    if state in {"42501", "22023"} or "role" in words:
        return DatabaseNotReady(
            f"The login cannot take on a hub role in the {place}.", hint="Run: hub db upgrade"
        )
    return DatabaseUnavailable(
        f"The {place} does not answer.", hint="Check that the server runs and is reachable."
    )


def _full(url: str) -> DatabaseFull:
    return DatabaseFull(
        f"The disk of the {place_of(url)} is full.",
        hint="Make room and run again: what was committed stays, nothing else is stored.",
    )


def broken_off(url: str, error: BaseException, *, alive: bool = True) -> HubError | None:
    """What to tell of an error in the middle of the work, if the disk is full or the server is gone; None for all else."""
    state = getattr(error, "sqlstate", None) or ""
    if state == _NO_ROOM:
        return _full(url)
    if not alive or state in _SHUT_DOWN or state.startswith("08"):
        return DatabaseUnavailable(
            f"The {place_of(url)} broke off.",
            hint="Run again when it answers: what was committed stays, nothing else is stored.",
        )
    return None


def prepare(url: str, *, logins: bool = False) -> None:
    """Create database and roles when missing and let the URL's login take the roles on.

    ``logins``: the roles may log in themselves; for a server of one's own. ``DatabaseNotReady`` says what an
    administrator has to do where the login may not.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with _connect_or_create(url) as connection:
                if not _is_prepared(connection):
                    _create_roles(connection, logins=logins)
        except (
            psycopg.errors.UniqueViolation,
            psycopg.errors.DuplicateObject,
            psycopg.errors.InternalError_,
        ):
            if attempt == _ATTEMPTS - 1:  # roles are the cluster's: another process was making them
                raise
        except psycopg.errors.InsufficientPrivilege as error:
            roles = ", ".join(Role)
            raise DatabaseNotReady(
                f"The login may not create the roles {roles} in the {place_of(url)}.",
                hint="Let an administrator create them, grant them to the login, and grant hub_owner CREATE on the "
                "database; or give the login CREATEROLE and make it the database's owner.",
            ) from error
        else:
            return


def _connect_or_create(url: str) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(url)
    except psycopg.OperationalError as error:
        if "does not exist" not in str(error) or "database" not in str(error):
            raise unavailable(url, error) from error
    name = conninfo_to_dict(url).get("dbname")
    try:
        with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(_name(name))
            )
    except psycopg.errors.DuplicateDatabase:
        pass
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            f"The {place_of(url)} does not exist and this login may not create it.", hint="Create it first."
        ) from error
    return psycopg.connect(url)


def _is_prepared(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    right = _right_to_become(connection)
    row = connection.execute(
        "SELECT count(*) = %(roles)s AND bool_and(pg_has_role(oid, %(right)s)) AND bool_or(rolname = %(owner)s AND "
        "has_database_privilege(oid, current_database(), 'CREATE')) "
        "AND bool_and(has_database_privilege(oid, current_database(), 'CONNECT')) "
        "AND bool_and(rolname = %(auditor)s OR has_database_privilege(oid, current_database(), 'TEMPORARY')) "
        "FROM pg_roles WHERE rolname = ANY(%(names)s)",
        {
            "roles": len(Role),
            "right": right,
            "owner": Role.OWNER,
            "auditor": Role.AUDITOR,
            "names": [str(role) for role in Role],
        },
    ).fetchone()
    return bool(row and row[0])


def _create_roles(connection: psycopg.Connection[tuple[object, ...]], *, logins: bool) -> None:
    database = _name(connection.info.dbname)
    for role in Role:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
            kind = sql.SQL("LOGIN" if logins else "NOLOGIN")
            connection.execute(sql.SQL("CREATE ROLE {} {}").format(_name(role), kind))
        if not _may_become(connection, role):
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(_name(role)))
    connection.execute(
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.SQL(", ").join(map(_name, Role)))
    )
    connection.execute(
        sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}, {}").format(
            database, _name(Role.OWNER), _name(Role.APPLICATION)
        )
    )
    connection.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, _name(Role.OWNER)))


def _may_become(connection: psycopg.Connection[tuple[object, ...]], role: Role) -> bool:
    query = "SELECT pg_has_role(%s, %s)"
    row = connection.execute(query, (role, _right_to_become(connection))).fetchone()
    return bool(row and row[0])


def _right_to_become(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    return "SET" if connection.info.server_version >= _SET_ROLE_SINCE else "MEMBER"


def _name(name: object) -> sql.Identifier:
    return sql.Identifier(str(name))
