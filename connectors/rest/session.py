"""Asking a department's interface: bounded in pace, time and size, and patient with a system that ails.

A broken connection, a time-out, and the statuses 429, 502, 503 and 504 are tried again, after what ``Retry-After`` says or else
with exponential back-off and jitter. A redirect is not followed: it could lead anywhere.
"""

import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import tenacity

from connectors.pace import Pace
from connectors.rest import refusals
from connectors.rest.credentials import credentials
from connectors.rest.json_text import parsed
from connectors.source import Source
from schemas.errors import ConfigurationError

_AILING = (429, 502, 503, 504)
_LONGEST_BACK_OFF = 60


@dataclass(frozen=True)
class Asked:
    """A request: the URL, its parameters, and the members of the body where it is a ``POST``."""

    url: str
    parameters: Mapping[str, str]
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """The JSON of an answer, its numbers as written, and the target of its ``Link`` header with ``rel=next``."""

    value: Any
    next: str | None


class _Ailing(Exception):
    """The system may do better later; ``after`` is the seconds it asks to wait."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.why, self.after = why, after


class Session:
    """One HTTP client for one source."""

    def __init__(
        self,
        source: Source,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source, self._clock = source, clock
        self._place = refusals.place_of(source, str(source.option("url")))
        self._pace = Pace(source.option("requests_per_second"), clock, sleep)
        self._retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(1 + source.option("retries")),
            wait=_wait,
            retry=tenacity.retry_if_exception_type(_Ailing),
            sleep=sleep,
            reraise=True,
        )
        for chatty in ("httpx", "httpcore"):  # they log URLs and headers, and a URL may hold a key
            logging.getLogger(chatty).setLevel(logging.WARNING)
        self._client = httpx.Client(
            headers={"Accept": "application/json", **source.option("headers")},
            timeout=source.option("timeout_seconds"),
            verify=_trust(source),
        )
        self._credentials = credentials(source.option("authentication"), self._token, clock)
        self.secret_parameters = self._credentials.names

    def ask(self, asked: Asked) -> Answer:
        """Send a request until it is answered; raises a ``SourceError`` that quotes nothing of the answer."""
        headers, content = self.fetch(asked)
        return Answer(parsed(content, headers, self._source, self._place), _next_link(headers))

    def fetch(self, asked: Asked) -> tuple[httpx.Headers, bytes]:
        """Send a request until it is answered, and return headers and content as they are; raises likewise."""
        try:
            return self._retrying(self._once, asked)
        except _Ailing as ailing:
            raise refusals.unreachable(self._source, self._place, ailing.why) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _once(self, asked: Asked) -> tuple[httpx.Headers, bytes]:
        status, headers, content = self._authorised(asked)
        if status == 401 and self._credentials.renew():
            status, headers, content = self._authorised(asked)
        self._check(status, headers, self._place)
        return headers, content

    def _authorised(self, asked: Asked) -> tuple[int, httpx.Headers, bytes]:
        request = self._request(asked)
        self._credentials.apply(request)
        return self._sent(request)

    def _request(self, asked: Asked) -> httpx.Request:
        method: str = self._source.option("method")
        written: dict[str, Any] = {}
        if method == "POST":
            body = dict(asked.body or {})
            written = {"json": body} if self._source.option("body_as") == "json" else {"data": _form(body)}
        try:
            url = httpx.URL(asked.url)
            url = url.copy_merge_params(dict(asked.parameters)) if asked.parameters else url
            return self._client.build_request(method, url, **written)
        except (httpx.InvalidURL, ValueError):
            raise refusals.wrong(self._source, self._place, "is no URL that can be asked") from None

    def _sent(self, request: httpx.Request) -> tuple[int, httpx.Headers, bytes]:
        self._pace.spent(1)
        deadline = self._clock() + self._source.option("timeout_seconds")
        try:
            response = self._client.send(request, stream=True)
            try:
                return response.status_code, response.headers, self._read(response, deadline)
            finally:
                response.close()
        except httpx.TimeoutException:
            raise _Ailing("did not answer in time") from None
        except httpx.DecodingError:
            raise _Ailing("sent an answer that cannot be decompressed") from None
        except httpx.RequestError:
            raise _Ailing("cannot be reached, or broke off") from None

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        most = self._source.option("most_megabytes") << 20
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > most:
                raise refusals.wrong(
                    self._source,
                    self._place,
                    f"sends more than {most >> 20} MiB in one answer",
                    "Ask for smaller pages (options.paging.size), or raise options.most_megabytes.",
                )
            if self._clock() > deadline:
                raise _Ailing("did not end its answer in time")
        return bytes(content)

    def _check(self, status: int, headers: httpx.Headers, place: str) -> None:
        if status in _AILING:
            after = _retry_after(headers)
            if after is not None and after > self._source.option("longest_wait_seconds"):
                raise refusals.unreachable(
                    self._source, place, f"asks to be left alone for {after:.0f} seconds"
                )
            raise _Ailing(f"answers with status {status}", after)
        if status in (401, 403):
            raise refusals.login(self._source, place)
        if not 200 <= status < 300:
            raise refusals.status(self._source, place, status)

    def _token(self, request: httpx.Request) -> Any:
        """Send a request for a token; whatever refuses it, it is the login that failed."""
        place = refusals.place_of(self._source, str(request.url))
        request.headers["Accept"] = "application/json"
        status, headers, content = self._sent(request)
        if status in (400, 401, 403):
            raise refusals.login(self._source, place)
        self._check(status, headers, place)
        answer = parsed(content, headers, self._source, place)
        if not isinstance(answer, dict) or not answer.get("access_token"):
            raise refusals.wrong(self._source, place, "answered without an access_token")
        return answer


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Ailing) and error.after is not None:
        return error.after
    return tenacity.wait_random_exponential(multiplier=1, max=_LONGEST_BACK_OFF)(state)


def _retry_after(headers: httpx.Headers) -> float | None:
    """Read ``Retry-After`` (RFC 9110, 10.2.3): seconds, or a date."""
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _next_link(headers: httpx.Headers) -> str | None:
    target = httpx.Response(200, headers=headers).links.get("next", {}).get("url")
    return str(target) if target else None


def _form(body: Mapping[str, Any]) -> dict[str, str]:
    """Write the members of a form; what is no text is written as JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in body.items()
    }


def _trust(source: Source) -> ssl.SSLContext | bool:
    if not (file := source.option("ca_file")):
        login = source.option("authentication")
        # Loading the certificates takes longer than many a pull.
        return "https:" in str(source.option("url")) or "https:" in str(login and login.token_url)
    try:
        return ssl.create_default_context(cafile=str(file))
    except OSError:
        raise ConfigurationError(f"Source {source.code}: options.ca_file cannot be read.") from None
