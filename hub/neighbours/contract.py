"""A data contract of what is published, by the Open Data Contract Standard (ODCS 3.1).

What departments may rely on: items, the rules that every row is judged by, how often it is brought up to date, by when an
application is answered, and who approves. No person is named: the office answers.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

from catalog.categories import Category
from catalog.dcat.dataset import Dataset, best_text
from catalog.dcat.describing import Addresses, dataset_of
from catalog.entry import CatalogueEntry
from catalog.published_entries import Published, id_of
from quality.definition import suite_of
from quality.rules import Rule, Severity
from quality.stated_rules import rules_for
from schemas.resource import Item, ItemType, Resource, Sharing
from schemas.update_cycles import cron_of

VERSION = "v3.1.0"
_LOGICAL: Mapping[ItemType, str] = {
    ItemType.CHARACTER: "string",
    ItemType.MEMO: "string",
    ItemType.NUMERIC: "number",
    ItemType.MONEY: "number",
    ItemType.DOUBLE: "number",
    ItemType.FLOAT: "number",
    ItemType.INTEGER: "integer",
    ItemType.DATE: "date",
    ItemType.DATETIME: "timestamp",
    ItemType.LOGICAL: "boolean",
    ItemType.GENERAL: "object",
}
_FRESHNESS: Mapping[str, tuple[int, str]] = {
    "real_time": (10, "minute"),
    "daily": (1, "day"),
    "weekly": (7, "day"),
    "monthly": (1, "month"),
    "quarterly": (3, "month"),
    "half_yearly": (6, "month"),
    "yearly": (1, "year"),
}
_REPLY: Mapping[Sharing, int] = {Sharing.UNCONDITIONAL: 1, Sharing.CONDITIONAL: 10}
"""Working days within which an application is answered (Decree 809, article 21)."""
_DELIVERY = 20
"""Working days within which what was consented to is delivered (article 22)."""
_METRICS: Mapping[str, str] = {
    "not_null": "nullValues",
    "unique": "duplicateValues",
    "matches": "invalidValues",
    "in_set": "invalidValues",
}
"""Rules that ODCS has a metric for; the others are told as text."""
_ARGUMENTS: Mapping[str, tuple[str, str]] = {
    "matches": ("pattern", "pattern"),
    "in_set": ("values", "validValues"),
}


def contract_of(published: Published, at: Addresses) -> dict[str, Any]:
    """Return the contract, ready for YAML or JSON."""
    dataset = dataset_of(published, at)
    told: dict[str, Any] = {
        "apiVersion": VERSION,
        "kind": "DataContract",
        "id": str(uuid5(NAMESPACE_URL, dataset.uri)),
        "name": best_text(dataset.title),
        "version": f"{published.version}.0.0",
        "status": "active",
        "tenant": at.hub_id,
        "domain": "/".join(_category(published).titles),
        "description": _description(published, dataset),
        "tags": list(dataset.keywords),
        "authoritativeDefinitions": [{"type": "canonical", "url": dataset.uri}],
        "schema": _schema(published, dataset),
        "servers": _servers(published, at),
        "team": {
            "name": dataset.contact,
            "description": "Answers for the resource and for objections to its records (articles 19 and 26).",
        },
        "roles": _roles(published),
        "slaProperties": _sla(published),
        "customProperties": _custom(published, dataset),
    }
    return {name: value for name, value in told.items() if value not in ([], {}, "")}


def contract_yaml(contract: Mapping[str, Any]) -> str:
    """Write a contract as YAML."""
    return yaml.safe_dump(dict(contract), allow_unicode=True, sort_keys=False, width=140)


def _description(published: Published, dataset: Dataset) -> dict[str, str]:
    limits = [dataset.rights, getattr(published, "legal_basis", "")]
    told = {
        "purpose": best_text(dataset.description),
        "usage": "For the purposes and by the legal bases that an agreement states, and for no third party (Decree 809, articles 20 and 25).",
        "limitations": "；".join(filter(None, limits)),
    }
    return {name: text for name, text in told.items() if text}


# ── schema and quality ───────────────────────────────────────────────────────────────────────────────


def _schema(published: Published, dataset: Dataset) -> list[dict[str, Any]]:
    if not published.items:
        return []
    resource = _resource(published)
    rules = rules_for(resource, (), "", suite_of(resource).rules) if resource else ()
    key = next(item for item in published.items if item.key)
    told = {
        "name": id_of(published),
        "physicalName": id_of(published),
        "logicalType": "object",
        "physicalType": "records",
        "businessName": best_text(dataset.title),
        "description": best_text(dataset.description),
        "dataGranularityDescription": f"One record for each {key.title} ({key.name}).",
        "properties": [
            _property(item, [rule for rule in rules if rule.item == item.name]) for item in published.items
        ],
    }
    whole = [_quality(rule) for rule in rules if rule.item is None]
    return [told | ({"quality": whole} if whole else {})]


def _property(item: Item, rules: Sequence[Rule]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": item.name,
        "businessName": item.title,
        "description": item.description,
        "logicalType": _LOGICAL[item.type],
        "logicalTypeOptions": {"maxLength": item.length}
        if _LOGICAL[item.type] == "string" and item.length
        else {},
        "physicalType": _physical(item),
        "required": item.required,
        "unique": item.key,
        "primaryKey": item.key,
        "primaryKeyPosition": 1 if item.key else None,
        "classification": item.sensitivity.name.lower(),
        "quality": [_quality(rule) for rule in rules],
        "customProperties": [
            {"property": name, "value": value}
            for name, value in (
                ("identifierRule", item.identifier),
                ("codeSet", item.code_set),
                ("mask", item.mask),
            )
            if value
        ],
    }
    return {name: value for name, value in told.items() if value not in (None, "", {}, [])}


def _physical(item: Item) -> str:
    sizes = [str(size) for size in (item.length, item.scale) if size]
    return f"{item.type.value}({','.join(sizes)})" if sizes else item.type.value


def _quality(rule: Rule) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": f"{rule.item or 'row'}_{rule.name}",
        "description": f"Never: {rule.title}",
        "dimension": rule.dimension.value,
        "severity": "warning" if rule.severity is Severity.WARNING else "error",
        "scheduler": "every batch, before it is stored",
    }
    bound = _bound(rule)
    if rule.name not in _METRICS or bound is None:
        return told | {"type": "text"}
    told |= {"type": "library", "metric": _METRICS[rule.name], **bound}
    if rule.name in _ARGUMENTS:
        ours, theirs = _ARGUMENTS[rule.name]
        told["arguments"] = {theirs: rule.parameters[ours]}
    return told


def _bound(rule: Rule) -> dict[str, Any] | None:
    """What is delivered may break the rule so often: never where it keeps rows out; None where no share was set."""
    if rule.keeps_out:
        return {"mustBe": 0, "unit": "rows"}
    share = rule.refuse_above if rule.refuse_above is not None else rule.warn_above
    return None if share is None else {"mustBeLessOrEqualTo": round(share * 100, 6), "unit": "percent"}


# ── service ──────────────────────────────────────────────────────────────────────────────────────────


def _servers(published: Published, at: Addresses) -> list[dict[str, Any]]:
    if published.sharing is Sharing.NOT_SHARED or not published.items:
        return []
    told = {
        "server": "exchange_hub",
        "type": "api",
        "environment": "prod",
        "location": at.resource(id_of(published)),
    }
    return [
        told
        | {
            "description": "Records by key, under an agreement; every call is on the ledger before it is answered."
        }
    ]


def _roles(published: Published) -> list[dict[str, str]]:
    if published.sharing is Sharing.NOT_SHARED:
        return []
    return [
        {
            "role": "agreed_system",
            "access": "read",
            "description": "A registered system under an agreement in force, for the items, rows and purposes agreed.",
            "firstLevelApprovers": "head of the applicant's sharing office",
            "secondLevelApprovers": "head of the provider's sharing office",
        }
    ]


def _sla(published: Published) -> list[dict[str, Any]]:
    cycle, name = str(published.update_cycle), id_of(published)
    told: list[dict[str, Any]] = []
    if cycle in _FRESHNESS:
        value, unit = _FRESHNESS[cycle]
        cron = {"scheduler": "cron", "schedule": cron_of(cycle)}
        told.append(
            {
                "property": "frequency",
                "value": value,
                "unit": unit,
                "driver": "operational",
                "element": name,
                **cron,
            }
        )
    if published.sharing in _REPLY:
        told += [
            _deadline(
                "timeToReply",
                _REPLY[published.sharing],
                "An application is answered within so many working days (article 21).",
            ),
            _deadline(
                "timeToDeliver",
                _DELIVERY,
                "What is consented to is delivered within so many working days (article 22).",
            ),
            _deadline(
                "timeToCorrect",
                10,
                "An objection to a record is answered within so many working days (article 26).",
            ),
        ]
    return told


def _deadline(name: str, days: int, told: str) -> dict[str, Any]:
    return {
        "property": name,
        "value": days,
        "unit": "working days",
        "driver": "regulatory",
        "description": told,
    }


def _custom(published: Published, dataset: Dataset) -> list[dict[str, Any]]:
    told = {
        "catalogueCode": dataset.identifier,
        "sharingAttribute": published.sharing.value,
        "openToSociety": getattr(published, "open", False),
        "updateCycle": str(published.update_cycle),
        "publisher": dataset.publisher.name if dataset.publisher else "",
    }
    return [{"property": name, "value": value} for name, value in told.items() if value != ""]


def _category(published: Published) -> Category:
    return (
        published.category
        if isinstance(published, CatalogueEntry)
        else Category(published.catalogue_code.partition("/")[0])
    )


def _resource(published: Published) -> Resource | None:
    if isinstance(published, Resource):
        return published
    return published.as_resource() if published.code else None
