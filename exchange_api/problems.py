"""Domain errors as HTTP problem documents (RFC 9457): one table says which status each has."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from schemas import errors
from schemas.errors import HubError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:exchange-hub:problem:"

# The nearest ancestor counts, so a new error has its family's status until it is given its own.
STATUS: Mapping[type[HubError], HTTPStatus] = {
    HubError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.UnknownResource: HTTPStatus.NOT_FOUND,
    errors.ResourceWithdrawn: HTTPStatus.GONE,
    errors.UnknownItem: HTTPStatus.BAD_REQUEST,
    errors.UnknownQuestion: HTTPStatus.NOT_FOUND,
    errors.UnknownColumn: HTTPStatus.NOT_FOUND,
    errors.InvalidIdentifier: HTTPStatus.BAD_REQUEST,
    errors.UnknownCodeSet: HTTPStatus.NOT_FOUND,
    errors.UnknownCode: HTTPStatus.NOT_FOUND,
    errors.UnknownDivision: HTTPStatus.NOT_FOUND,
    errors.MalformedEdition: HTTPStatus.BAD_REQUEST,
    errors.CodeTablesTooLarge: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DatabaseFull: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DatabaseNotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LedgerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.CalendarLacksYear: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DefinitionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ItemStillUsed: HTTPStatus.CONFLICT,
    errors.TablesBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ResourceMoved: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.UnknownSource: HTTPStatus.NOT_FOUND,
    errors.AlreadyRegistered: HTTPStatus.CONFLICT,
    errors.Faulty: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotRegistered: HTTPStatus.NOT_FOUND,
    errors.MisplacedOrganisation: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RolesExclude: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.LastKey: HTTPStatus.CONFLICT,
    errors.IdentityProviderUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.WeakPassword: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.WrongSecondFactor: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnknownEntry: HTTPStatus.NOT_FOUND,
    errors.ConsentMissing: HTTPStatus.CONFLICT,
    errors.NotInForce: HTTPStatus.CONFLICT,
    errors.WrongWorkbook: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.WorkbookTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.ForbiddenTransition: HTTPStatus.CONFLICT,
    errors.NotYourPart: HTTPStatus.FORBIDDEN,
    errors.NotSaid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotShared: HTTPStatus.FORBIDDEN,
    errors.IncompleteApplication: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.WiderScope: HTTPStatus.CONFLICT,
    errors.UnknownMatter: HTTPStatus.NOT_FOUND,
    errors.MalformedObjection: HTTPStatus.BAD_REQUEST,
    errors.AlreadyDoubted: HTTPStatus.CONFLICT,
    errors.SeveralDepartments: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnknownAnswer: HTTPStatus.NOT_FOUND,
    errors.UnknownNotice: HTTPStatus.NOT_FOUND,
    errors.HarvestError: HTTPStatus.BAD_GATEWAY,
    errors.SourceError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.SourceHasContributed: HTTPStatus.CONFLICT,
    errors.UnknownPush: HTTPStatus.NOT_FOUND,
    errors.NothingToAccept: HTTPStatus.CONFLICT,
    errors.SourceBusy: HTTPStatus.CONFLICT,
    errors.PushInterrupted: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SourcePaused: HTTPStatus.CONFLICT,
    errors.SpoolFull: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.BatchRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.CallError: HTTPStatus.BAD_REQUEST,
    errors.UnknownSubscription: HTTPStatus.NOT_FOUND,
    errors.SubscriptionEnded: HTTPStatus.GONE,
    errors.TooManySubscriptions: HTTPStatus.CONFLICT,
    errors.SnapshotNeeded: HTTPStatus.GONE,
    errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedBody: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    errors.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManyKeys: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.FilterNotServed: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.FilterTooCostly: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.CursorExpired: HTTPStatus.GONE,
    errors.RecordNotFound: HTTPStatus.NOT_FOUND,
    errors.AuthenticationFailed: HTTPStatus.UNAUTHORIZED,
    errors.AccessDenied: HTTPStatus.FORBIDDEN,
    errors.AllowanceSpent: HTTPStatus.TOO_MANY_REQUESTS,
}

TOLD = ("agreement", "term")  # members of the document beside those of RFC 9457, where an error has them

RETRY_AFTER: Mapping[type[HubError], int] = {  # seconds, where the same request may well succeed later
    errors.SourceBusy: 5,
    errors.PushInterrupted: 5,
    errors.TablesBusy: 5,
    errors.ResourceMoved: 5,
    errors.DatabaseUnavailable: 10,
    errors.IdentityProviderUnavailable: 10,
    errors.LedgerUnavailable: 10,
    errors.SpoolFull: 60,
}


def status_of(error: HubError) -> HTTPStatus:
    """Return the HTTP status of an error: that of its nearest ancestor in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(
    error: HubError, request: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with the error's problem document; a fault of the hub's own shows no detail of its inside."""
    status = status_of(error)
    family = next((RETRY_AFTER[kind] for kind in type(error).__mro__ if kind in RETRY_AFTER), None)
    waits = error.context.get("retry_after", family)  # the former where it is known of this very request
    sent = {**(headers or {}), **({} if waits is None else {"Retry-After": str(waits)})}
    inside = status is HTTPStatus.INTERNAL_SERVER_ERROR
    detail = (
        "Something went wrong inside the hub; its operators can find it by the request id."
        if inside
        else error.detail
    )
    return document(
        status,
        error.code,
        error.title,
        detail,
        hint="" if inside else error.hint,
        request=request,
        headers=sent,
        told={} if inside else _told(error),
    )


def _told(error: HubError) -> dict[str, Any]:
    told: dict[str, Any] = {name: error.context[name] for name in TOLD if name in error.context}
    return told | (
        {"faults": [f.as_dict() for f in error.faults]} if isinstance(error, errors.Faulty) else {}
    )


def document(
    status: HTTPStatus,
    code: str,
    title: str,
    detail: str,
    *,
    hint: str = "",
    request: str | None = None,
    headers: Mapping[str, str] | None = None,
    told: Mapping[str, Any] | None = None,
) -> Response:
    """Answer with a problem document; ``instance`` names the request, never its path, which may hold a key."""
    said: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": title,
        "status": int(status),
        "detail": detail,
        "code": code,
    }
    said |= told or {}
    if hint:
        said["hint"] = hint
    if request:
        said["instance"] = f"urn:exchange-hub:request:{request}"
    sent = {"Cache-Control": "no-store", **(headers or {})}
    if status is HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = f'Bearer error="invalid_token", error_description="{title}"'
        said["error"] = "invalid_client"  # RFC 6749, 5.2: what a client of the token endpoint looks for
    return Response(orjson.dumps(said), status_code=int(status), media_type=MEDIA_TYPE, headers=sent)
