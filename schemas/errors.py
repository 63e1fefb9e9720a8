"""Every error the hub raises on purpose, in one tree.

An error says what is wrong, where, and what to do about it. Its words never hold a personal value: a key,
a name or a cell of a department's record is named by its place (source, column, row), never quoted.
``exchange_api.problems`` maps the tree to HTTP status codes; ``hub.cli`` prints it as one sentence.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from schemas.faults import Fault, told

_SHOWN = 5  # faults of a workbook that its error tells; all are in the marked copy


class HubError(Exception):
    """The root: ``code`` is stable and machine-readable, ``hint`` says what to do next."""

    code: ClassVar[str] = "hub_error"
    title: ClassVar[str] = "The hub could not do this"

    def __init__(self, detail: str, *, hint: str = "", **context: str | int | float | None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.context = {name: value for name, value in context.items() if value is not None}

    def __str__(self) -> str:
        return f"{self.detail} {self.hint}".strip()


class Faulty(HubError):
    """What somebody wrote is wrong; ``faults`` are all that is wrong with it, not the first alone. ``what`` names it."""

    code = "faulty"
    title = "What was written has faults"

    def __init__(
        self, what: str, faults: Sequence[Fault] = (), *, hint: str = "", **context: str | int | float | None
    ) -> None:
        number = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"{what} has {number}: {told(faults)}", hint=hint, **context)
        self.what = what
        self.faults = tuple(faults)


# ── definitions and settings ─────────────────────────────────────────────────────────────────────────


class ConfigurationError(HubError):
    """A setting, or what somebody states of an agreement, an application, …, is missing or wrong."""

    code = "configuration"
    title = "What is set or stated is missing or wrong"


class DefinitionError(HubError):
    """A YAML definition of a resource, source or code set does not hold together."""

    code = "definition"
    title = "A definition is wrong"


class VersionRefused(DefinitionError):
    """A new version of a resource that cannot be put in force while the old one is read and fed."""

    code = "version_refused"
    title = "The new version cannot be put in force"


class ItemStillUsed(HubError):
    """A new version drops what an agreement still reads or a source still feeds."""

    code = "item_still_used"
    title = "What the new version drops is still used"


class TablesBusy(HubError):
    """The tables of a resource could not be had for the moment it takes to change them."""

    code = "tables_busy"
    title = "The tables are in use"


class ResourceMoved(HubError):
    """Another version of a resource is to be written since a run over one of its sources began; the run begins anew."""

    code = "resource_moved"
    title = "Another version of the resource is in force"


class UnknownResource(HubError):
    """No resource of that code is defined."""

    code = "unknown_resource"
    title = "No such resource"


class ResourceWithdrawn(UnknownResource):
    """A resource that was published and is shared no longer."""

    code = "resource_withdrawn"
    title = "The resource is withdrawn"


class UnknownItem(HubError):
    """The resource has no item of that name."""

    code = "unknown_item"
    title = "No such information item"


class UnknownSource(HubError):
    """No source of that code is registered."""

    code = "unknown_source"
    title = "No such source"


class UnknownQuestion(HubError):
    """There is no question of that name, or not in that version, on that resource."""

    code = "unknown_question"
    title = "There is no such question"


class UnknownColumn(HubError):
    """The source's system has no column of that name, as far as the hub has seen."""

    code = "unknown_column"
    title = "No such column"


class InvalidIdentifier(HubError):
    """A citizen number, credit code, … is not of its standard's form or fails its check."""

    code = "invalid_identifier"
    title = "Not a valid identifier"


class UnknownDivision(HubError):
    """No division had that code on that date."""

    code = "unknown_division"
    title = "No such division on that date"


class UnknownCodeSet(HubError):
    """No code set, or no edition of it, has that name."""

    code = "unknown_code_set"
    title = "No such code set"


class UnknownCode(HubError):
    """The code set has no such code, or it meant nothing on that date."""

    code = "unknown_code"
    title = "No such code on that date"


class CalendarLacksYear(HubError):
    """Working days cannot be counted in a year whose holidays nobody has told the hub."""

    code = "calendar_lacks_year"
    title = "The calendar lacks a year"


class WrongCodeTable(HubError):
    """A file that was to be imported as a code set is of no known layout, or contradicts itself."""

    code = "wrong_code_table"
    title = "The file is no table of codes"


class MalformedEdition(HubError):
    """An edition of a code set, or the day it is asked for, is not written as it should be."""

    code = "malformed_edition"
    title = "The edition is malformed"


class CodeTablesTooLarge(HubError):
    """Two tables of codes are too large to be matched while a caller waits."""

    code = "code_tables_too_large"
    title = "The tables are too large to be matched at once"


class NotWritten(HubError):
    """A file that was asked for cannot be written there, or not of that kind."""

    code = "not_written"
    title = "The file cannot be written"


# ── department systems ───────────────────────────────────────────────────────────────────────────────


class SourceError(HubError):
    """A department's system, or what it delivered, cannot be used as it is."""

    code = "source"
    title = "The source cannot be read"


class SourceUnreachable(SourceError):
    """The department's system does not answer, or its file is not there."""

    code = "source_unreachable"
    title = "The source is unreachable"


class SourceLoginFailed(SourceError):
    """The department's system refused the name or password."""

    code = "source_login_failed"
    title = "The source refused the login"


class SchemaDrift(SourceError):
    """Columns that the hub reads have changed, and the source's policy is not to go on.

    ``columns`` are those concerned, ``found`` is every column that is there with its type, and ``changes`` what that is
    compared with what was known, once somebody has compared it.
    """

    code = "schema_drift"
    title = "The source's columns have changed"

    def __init__(
        self,
        detail: str,
        *,
        hint: str = "",
        columns: Sequence[str] = (),
        found: Mapping[str, str] | None = None,
        changes: Sequence[Mapping[str, Any]] = (),
        **context: str | int | float | None,
    ) -> None:
        super().__init__(detail, hint=hint, **context)
        self.columns = tuple(columns)
        self.found = dict(found or {})
        self.changes = changes


class MissingColumn(SchemaDrift):
    """A column without which the source is not read, by its definition or its policy, is not in what it delivered."""

    code = "missing_column"
    title = "A column is missing"


class NothingToAccept(HubError):
    """The columns of a source are no longer what was refused, or accepting them would not let them be read."""

    code = "nothing_to_accept"
    title = "The columns cannot be accepted"


class UnknownEncoding(SourceError):
    """The bytes of a file are in no encoding that can be told with confidence."""

    code = "unknown_encoding"
    title = "The file's encoding cannot be told"


class TruncatedFile(SourceError):
    """A file ends before it should."""

    code = "truncated_file"
    title = "The file is truncated"


class WrongFormat(SourceError):
    """A file is not what its name or its definition says."""

    code = "wrong_format"
    title = "The file is not of the format declared"


class SpoolFull(SourceError):
    """The hub has no room to fetch or unpack a department's file; nothing of it is stored."""

    code = "spool_full"
    title = "No room to fetch a file"


class TooManyDeletions(SourceError):
    """A comparison of keys finds more rows gone than the definition lets the hub believe."""

    code = "too_many_deletions"
    title = "Too many rows are gone"


class ChangesLost(SourceError):
    """A department's log of changes no longer reaches back to where the hub stopped."""

    code = "changes_lost"
    title = "Changes at the source are lost"


class SourceBusy(SourceError):
    """Another process is ingesting the same source."""

    code = "source_busy"
    title = "The source is being ingested already"


class PushBusy(SourceBusy):
    """Another request is pushing a body under the same idempotency key."""

    code = "push_busy"
    title = "The same push is being taken already"


class PushInterrupted(SourceError):
    """The process that was storing a pushed body ended; what it committed stays, and the rest is not stored."""

    code = "push_interrupted"
    title = "The push was interrupted"


class UnknownPush(HubError):
    """Nothing was pushed to the source under that idempotency key, or nothing of it was stored."""

    code = "unknown_push"
    title = "No such push"


class SourceHasContributed(HubError):
    """A source that contributed rows cannot be removed: what it said refers to it."""

    code = "source_has_contributed"
    title = "The source has contributed"


class SourcePaused(SourceError):
    """An operator paused the source, so it is not pulled."""

    code = "source_paused"
    title = "The source is paused"


class InvalidWindow(SourceError):
    """A window of time to read again is empty, malformed, or of a source that cannot be read so."""

    code = "invalid_window"
    title = "The window cannot be read"


# ── quality ──────────────────────────────────────────────────────────────────────────────────────────


class RuleNotEvaluated(HubError):
    """A quality rule could not be run over a batch, so nothing of the batch may be admitted."""

    code = "rule_not_evaluated"
    title = "A quality rule could not be evaluated"


class BatchRefused(HubError):
    """More rows of a batch break a quality rule than its threshold allows, so nothing of it is stored.

    ``report`` holds the quality records of the refused batch: counts, no values.
    """

    code = "batch_refused"
    title = "The batch is refused"

    def __init__(
        self,
        detail: str,
        *,
        hint: str = "",
        report: Sequence[Mapping[str, Any]] = (),
        **context: str | int | float | None,
    ) -> None:
        super().__init__(detail, hint=hint, **context)
        self.report = report

    def name_batch(self, digest: str, window: str) -> None:
        """Add which batch it was, which the gate does not know."""
        self.context |= {"digest": digest, "window": window}


class DataDocsNotMade(HubError):
    """The Data Docs could not be made whole, or not where they were asked for."""

    code = "data_docs_not_made"
    title = "The Data Docs could not be made"


# ── storage ──────────────────────────────────────────────────────────────────────────────────────────


class DatabaseUnavailable(HubError):
    """The hub's own PostgreSQL does not answer or could not be started."""

    code = "database_unavailable"
    title = "The hub's database is unavailable"


class DatabaseFull(HubError):
    """The disk of the hub's own PostgreSQL has no room left."""

    code = "database_full"
    title = "The hub's database has no room"


class DatabaseNotReady(HubError):
    """The hub's database has no schema yet, or one of another version."""

    code = "database_not_ready"
    title = "The hub's database needs an upgrade"


class SealBroken(HubError):
    """A sealed value does not open: wrong key, or it was moved or altered."""

    code = "seal_broken"
    title = "A sealed value does not open"


class LedgerUnavailable(HubError):
    """The ledger could not be written; so nothing may be answered."""

    code = "ledger_unavailable"
    title = "The ledger cannot be written"


class CallRefused(HubError):
    """A hub that a client called refused the call; ``status`` and ``problem``, its code, are in the context."""

    code = "call_refused"
    title = "The hub refused the call"


class AnswerNotProven(HubError):
    """An answer is not the one that the hub gave, or carries no proof that it is."""

    code = "answer_not_proven"
    title = "The answer is not proven"


class LedgerBroken(HubError):
    """The ledger does not prove itself: an entry, leaf, root or signature does not fit the others."""

    code = "ledger_broken"
    title = "The ledger is broken"


# ── the catalogue ────────────────────────────────────────────────────────────────────────────────────


class AlreadyRegistered(HubError):
    """An organisation, system or agreement of that code exists."""

    code = "already_registered"
    title = "Registered already"


class NotRegistered(HubError):
    """No organisation, system or agreement of that code exists."""

    code = "not_registered"
    title = "Not registered"


class MisplacedOrganisation(HubError):
    """An organisation cannot stand under that one, or serve that division."""

    code = "misplaced_organisation"
    title = "The organisation cannot stand there"


class RolesExclude(HubError):
    """One person would have two roles that exclude one another."""

    code = "roles_exclude"
    title = "The roles exclude one another"


class LastKey(HubError):
    """A system would be left without a valid key."""

    code = "last_key"
    title = "It is the system's last key"


class WrongEntry(Faulty):
    """A catalogue entry does not hold together."""

    code = "wrong_entry"
    title = "The catalogue entry is not complete and right"

    def __init__(self, entry: str, faults: Sequence[Fault] = (), *, hint: str = "") -> None:
        super().__init__(f"Entry {entry}", faults, hint=hint, entry=entry)


class IdentityProviderUnavailable(HubError):
    """The OpenID provider that people sign in by does not answer, or not as one does."""

    code = "identity_provider_unavailable"
    title = "The identity provider is unavailable"


class WeakPassword(HubError):
    """A password is too short, or easily guessed."""

    code = "weak_password"
    title = "The password is too weak"


class WrongSecondFactor(HubError):
    """The code that was to confirm a new second factor is not that of the device."""

    code = "wrong_second_factor"
    title = "The code is wrong"


class WrongLine(Faulty):
    """A line of a list does not hold together."""

    code = "wrong_line"
    title = "The line is not complete and right"


class SourceAlreadyNamed(AlreadyRegistered):
    """Another organisation is the source of that datum."""

    code = "source_already_named"
    title = "The datum has its source"


class NotInForce(HubError):
    """An entry is not published, or was withdrawn."""

    code = "not_in_force"
    title = "The entry is not in force"


class UnknownEntry(HubError):
    """The catalogue has no entry of that id, or no such version of it."""

    code = "unknown_entry"
    title = "No such catalogue entry"


class ConsentMissing(HubError):
    """A new version breaks what was agreed, and the catalogue authority has not said that it consents."""

    code = "consent_missing"
    title = "The change takes the authority's consent"


class WrongWorkbook(HubError):
    """A spreadsheet cannot be read, or has not the sheets that are needed."""

    code = "wrong_workbook"
    title = "The workbook cannot be taken"


class WorkbookTooLarge(WrongWorkbook):
    """A spreadsheet has more rows than are taken at once, or would be too large unpacked."""

    code = "workbook_too_large"
    title = "The workbook is too large"


class WrongCells(HubError):
    """Cells of a spreadsheet are wrong, and nothing was taken; ``faults`` describe each."""

    code = "wrong_cells"
    title = "The workbook has faults"

    def __init__(self, workbook: str, faults: Sequence[object] = (), *, hint: str = "") -> None:
        number = "1 fault" if len(faults) == 1 else f"{len(faults):,} faults"
        shown = " ".join(str(fault) for fault in faults[:_SHOWN])
        more = " …" if len(faults) > _SHOWN else ""
        super().__init__(f"{workbook} has {number}: {shown}{more}", hint=hint, workbook=workbook)
        self.faults = tuple(faults)


# ── matters that go through a workflow ───────────────────────────────────────────────────────────────


class ForbiddenTransition(HubError):
    """The state a matter is in forbids what was to be done with it."""

    code = "forbidden_transition"
    title = "Not possible in this state"


class NotYourPart(HubError):
    """What was to be done is for somebody else: another role, or another organisation."""

    code = "not_your_part"
    title = "That is for somebody else to do"


class OwnWork(NotYourPart):
    """Somebody would judge what they did themselves."""

    code = "own_work"
    title = "Nobody judges their own work"


class NotSaid(HubError):
    """What was to be done takes a reason, or something else that was not said with it."""

    code = "not_said"
    title = "Something has to be said with it"


class UnknownMatter(HubError):
    """There is no application, objection, … of that id."""

    code = "unknown_matter"
    title = "There is no such matter"


class NotShared(HubError):
    """A resource is not shared, by a law that its entry names."""

    code = "not_shared"
    title = "The resource is not shared"


class IncompleteApplication(Faulty):
    """An application lacks something."""

    code = "incomplete_application"
    title = "The application is not complete"

    def __init__(self, application: str, faults: Sequence[Fault] = (), *, hint: str = "") -> None:
        super().__init__(f"Application {application}", faults, hint=hint, application=application)


class WiderScope(HubError):
    """What should only become narrower would become wider, which takes an application."""

    code = "wider_scope"
    title = "The scope would become wider"


class MalformedObjection(HubError):
    """An objection, or an act on one, does not say what it has to say."""

    code = "malformed_objection"
    title = "The objection is incomplete or malformed"


class AlreadyDoubted(HubError):
    """The same organisation doubts the same item of the same record already."""

    code = "already_doubted"
    title = "That is doubted already"


class SeveralDepartments(HubError):
    """The items doubted are the words of several departments, and each answers for its own."""

    code = "several_departments"
    title = "Several departments answer for that"


class UnknownAnswer(HubError):
    """The organisation was given no answer of that ledger entry on that resource."""

    code = "unknown_answer"
    title = "There is no such answer"


class UnknownNotice(HubError):
    """There is no recall notice of that number for whoever asks."""

    code = "unknown_notice"
    title = "There is no such notice"


# ── neighbouring catalogues ──────────────────────────────────────────────────────────────────────────


class NotificationFailed(HubError):
    """Nobody took what was to be told; it is told with the next run."""

    code = "notification_failed"
    title = "The message was not taken"


class NotificationBusy(HubError):
    """Another process tells of duties at this moment."""

    code = "notification_busy"
    title = "Duties are being told"


class HarvestError(HubError):
    """A neighbour's catalogue cannot be harvested as it is."""

    code = "harvest"
    title = "The catalogue cannot be harvested"


class CatalogueUnreachable(HarvestError):
    """The neighbour does not answer, or not as it should."""

    code = "catalogue_unreachable"
    title = "The catalogue is unreachable"


class AddressForbidden(HarvestError):
    """The address is none that the hub may fetch from: not of HTTP, not public, or with a password in it."""

    code = "address_forbidden"
    title = "The hub does not fetch from there"


class WrongCatalogue(HarvestError):
    """What the neighbour sends is no catalogue, or none that is safe to read."""

    code = "wrong_catalogue"
    title = "The document is no catalogue"


class OwnCatalogue(HarvestError):
    """The catalogue that was to be harvested is this hub's own."""

    code = "own_catalogue"
    title = "A catalogue does not harvest itself"


class HarvestBusy(HarvestError):
    """Another process is harvesting the same catalogue."""

    code = "harvest_busy"
    title = "The catalogue is being harvested already"


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────


class CallError(HubError):
    """A call is refused; the refusal is on the ledger."""

    code = "call_refused"
    title = "The call is refused"


class MalformedRequest(CallError):
    """A request's body or parameters are not of the documented form."""

    code = "malformed_request"
    title = "The request is malformed"


class MalformedKey(CallError):
    """A key is not of the form its identifier has."""

    code = "malformed_key"
    title = "A key is malformed"


class TooManyKeys(CallError):
    """A query asks for more keys than one call may."""

    code = "too_many_keys"
    title = "Too many keys"


class MalformedClaim(CallError):
    """What is claimed of an item cannot be compared with it: a date that is none, a code that the code set does not have."""

    code = "malformed_claim"
    title = "A claim is malformed"


class MissingPurpose(CallError):
    """A call without purpose, legal basis or case code."""

    code = "missing_purpose"
    title = "Purpose, legal basis and case code are mandatory"


class RecordNotFound(CallError):
    """The library has no record of that key."""

    code = "record_not_found"
    title = "No record of that key"


class UnknownSubscription(CallError):
    """There is no such subscription, or it is another system's."""

    code = "unknown_subscription"
    title = "There is no such subscription"


class NotPushed(UnknownSubscription):
    """The subscription is not pushed anywhere, or has no such dead letter."""

    code = "not_pushed"
    title = "There is no such push"


class SubscriptionEnded(CallError):
    """The subscription is cancelled: nothing is delivered any more."""

    code = "subscription_ended"
    title = "The subscription is cancelled"


class TooManySubscriptions(CallError):
    """The system has as many subscriptions as it may."""

    code = "too_many_subscriptions"
    title = "There are too many subscriptions"


class WrongCursor(CallError):
    """The cursor is damaged, or of another subscription or use."""

    code = "wrong_cursor"
    title = "The cursor is not one of this subscription"


class SnapshotNeeded(CallError):
    """What follows the cursor can no longer be told change by change."""

    code = "snapshot_needed"
    title = "A new snapshot is needed"


class BodyTooLarge(CallError):
    """A body is larger than its route takes."""

    code = "body_too_large"
    title = "The body is too large"


class BodyDamaged(CallError):
    """A body is not the one its digest was made of, or ended early."""

    code = "body_damaged"
    title = "The body did not arrive whole"


class UnsupportedBody(CallError):
    """A body is of a media type or encoding that its route does not take."""

    code = "unsupported_body"
    title = "The body is of no type taken here"


class IdempotencyKeyReused(CallError):
    """The idempotency key was used for another body."""

    code = "idempotency_key_reused"
    title = "The idempotency key was used for another body"


class AnswerUnfinished(HubError):
    """A hub that was asked stopped in the midst of its answer."""

    code = "answer_unfinished"
    title = "The answer is not whole"


class NotAcceptable(CallError):
    """An answer is asked for in a format that there is none of."""

    code = "not_acceptable"
    title = "Not to be had in that format"


class AuthenticationFailed(CallError):
    """The caller could not prove which system it is."""

    code = "authentication_failed"
    title = "Authentication failed"


class SignInRefused(AuthenticationFailed):
    """Somebody could not sign in; why is told to nobody who has not proved who they are."""

    code = "sign_in_refused"
    title = "Signing in is refused"


class SecondFactorRequired(AuthenticationFailed):
    """The password is right, and a code of the second factor is asked for too."""

    code = "second_factor_required"
    title = "A second factor is asked for"


class ReplayedAssertion(AuthenticationFailed):
    """The client assertion has been used before."""

    code = "replayed_assertion"
    title = "The assertion was used before"


class InvalidSignature(AuthenticationFailed):
    """The signature of a call is malformed, covers too little, or is not the system's over this very call."""

    code = "invalid_signature"
    title = "The signature is not valid"


class ExpiredSignature(InvalidSignature):
    """The signature of a call was made too long ago, or lies in the future."""

    code = "expired_signature"
    title = "The signature is not of this moment"


class ReplayedSignature(InvalidSignature):
    """A call with this nonce was taken before."""

    code = "replayed_signature"
    title = "The signature was used before"


class InvalidToken(AuthenticationFailed):
    """The access token is missing, forged or not for use here."""

    code = "invalid_token"
    title = "The access token is not valid"


class ExpiredToken(InvalidToken):
    """The access token was valid once."""

    code = "expired_token"
    title = "The access token has expired"


class SessionEnded(InvalidToken):
    """The session that the token is of is over: signed out, idle for too long, or at its end."""

    code = "session_ended"
    title = "The session is over"


class WrongAudience(InvalidToken):
    """The token or assertion was made for another hub."""

    code = "wrong_audience"
    title = "The token is for another hub"


class AccessDenied(CallError):
    """Who asks may not do this: no agreement in force allows the call, or they are suspended."""

    code = "access_denied"
    title = "Access is denied"


class SessionUnfinished(AccessDenied):
    """Somebody is signed in and has yet to choose a password, or to set up a second factor, before anything else."""

    code = "session_unfinished"
    title = "Signing in is not finished"


class ItemNotAgreed(AccessDenied):
    """The agreement does not cover an item that was asked for."""

    code = "item_not_agreed"
    title = "The agreement does not cover an item"


class PurposeNotAgreed(AccessDenied):
    """The agreement is for another purpose or legal basis."""

    code = "purpose_not_agreed"
    title = "The agreement is for another purpose"


class OutOfHours(AccessDenied):
    """The agreement allows no call at this hour."""

    code = "out_of_hours"
    title = "The agreement allows no call at this hour"


class CaseNotOwn(AccessDenied):
    """The agreement is for the caller's own cases, and the case stated is another organisation's."""

    code = "case_not_own"
    title = "The case is not your organisation's"


class FormNotAgreed(AccessDenied):
    """The agreement is for an answer that shows no values, and values were asked for."""

    code = "form_not_agreed"
    title = "The agreement is for another form of answer"


class BulkNotAgreed(AccessDenied):
    """Records are to be chosen by a filter, or all of them read, where only those named by their keys were agreed."""

    code = "bulk_not_agreed"
    title = "Reading without keys was not agreed"


class AgreementChanged(AccessDenied):
    """The agreement was changed while records were streamed under it, so no more are sent."""

    code = "agreement_changed"
    title = "The agreement was changed meanwhile"


class SignatureRequired(AccessDenied):
    """The agreement is for signed calls, and the call is not signed."""

    code = "signature_required"
    title = "The agreement is for signed calls"


class QuestionNotAgreed(AccessDenied):
    """The agreement is for other questions, or for another version of this one."""

    code = "question_not_agreed"
    title = "The agreement is for other questions"


class MalformedFilter(CallError):
    """A filter is none, or compares an item with what it never is."""

    code = "malformed_filter"
    title = "The filter is malformed"


class FilterNotServed(CallError):
    """No index leads to what a filter wants, or it asks of a sealed item what cannot be told."""

    code = "filter_not_served"
    title = "The filter cannot be served"


class FilterTooCostly(CallError):
    """What a filter wants took too long to find."""

    code = "filter_too_costly"
    title = "The filter takes too long"


class MalformedCursor(CallError):
    """A cursor was not made here, or for another question."""

    code = "malformed_cursor"
    title = "The cursor is not of this question"


class CursorExpired(CallError):
    """A cursor is too old."""

    code = "cursor_expired"
    title = "The cursor is too old"


class AllowanceSpent(CallError):
    """What the agreement allows is spent for now; ``retry_after`` says how many seconds that lasts."""

    code = "allowance_spent"
    title = "What the agreement allows is spent"


class QuotaSpent(AllowanceSpent):
    """Fewer records are left of the day's than the call asks for."""

    code = "quota_spent"
    title = "The day's quota is spent"


class ClaimsSpent(AllowanceSpent):
    """So many claims have failed today that no more are answered: somebody may be guessing."""

    code = "claims_spent"
    title = "Too many claims have failed"


class TooFast(AllowanceSpent):
    """More calls are made each second than agreed."""

    code = "too_fast"
    title = "Calls come too fast"
