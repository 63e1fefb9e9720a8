"""The vocabularies of DCAT-AP 3: namespaces, and the terms of the Publications Office that our elements are told by.

The tables are data, ``terms.yaml``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml
from rdflib import Namespace
from rdflib.namespace import DCTERMS, FOAF, ODRL2, RDF, RDFS, SKOS, XSD

DCAT = Namespace("http://www.w3.org/ns/dcat#")
"""Of version 3; what rdflib defines knows version 2."""

DCATAP = Namespace("http://data.europa.eu/r5r/")
ELI = Namespace("http://data.europa.eu/eli/ontology#")
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
HUB = Namespace("urn:exchange-hub:vocabulary:")
"""What DCAT has no word for: through which catalogues a description has come."""

PREFIXES: Mapping[str, Namespace] = {
    "dcat": DCAT,
    "dcatap": DCATAP,
    "dct": Namespace(str(DCTERMS)),
    "eli": ELI,
    "foaf": Namespace(str(FOAF)),
    "hub": HUB,
    "hydra": HYDRA,
    "odrl": Namespace(str(ODRL2)),
    "rdf": Namespace(str(RDF)),
    "rdfs": Namespace(str(RDFS)),
    "skos": Namespace(str(SKOS)),
    "vcard": VCARD,
    "xml": Namespace("http://www.w3.org/XML/1998/namespace"),  # for xml:lang
    "xsd": Namespace(str(XSD)),
}

_AUTHORITY = "http://publications.europa.eu/resource/authority/"


@dataclass(frozen=True)
class Terms:
    """Our values → terms of the Publications Office, as URIs; ``labels`` says what a theme is called in English."""

    frequency: Mapping[str, str]
    access: Mapping[str, str]
    language: Mapping[str, str]
    file_type: Mapping[str, str]
    theme: Mapping[str, str]
    labels: Mapping[str, str]


@cache
def terms() -> Terms:
    """The tables, with whole URIs."""
    told = yaml.safe_load((resources.files("catalog.dcat") / "terms.yaml").read_text(encoding="utf-8"))
    tables = {
        name: {value: f"{_AUTHORITY}{name.replace('_', '-')}/{term}" for value, term in table.items()}
        for name, table in told.items()
        if name not in ("theme", "labels")
    }
    tables["access"] = {
        value: uri.replace("/access/", "/access-right/") for value, uri in tables["access"].items()
    }
    themes = {category: f"{_AUTHORITY}data-theme/{term}" for category, term in told["theme"].items()}
    labels = {f"{_AUTHORITY}data-theme/{term}": label for term, label in told["labels"].items()}
    return Terms(**tables, theme=themes, labels=labels)


def theme_of(category: str) -> str:
    """Return the EU data theme of a category's class and item, or of its class."""
    themes = terms().theme
    return themes.get(category[:3], themes[category[0]])
