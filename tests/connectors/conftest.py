"""Sources made in a line, for the tests of the connectors."""

import pytest
from registers import MAPPING, TABLE, register_of
from servers import mariadb, s3_server, store  # noqa: F401 (fixtures)

from connectors.definition import load_source
from connectors.source import Source


@pytest.fixture
def define(tmp_path):
    """Return a function that writes a source's YAML and loads it."""
    import yaml

    def make(connector: str, options: dict, mapping: dict[str, str] | None = None, **fields) -> Source:
        columns = mapping or {"citizen_number": "身份证号", "name": "姓名"}
        raw = {
            "code": "register",
            "resource": "natural_person",
            "department": "公安局",
            "title": "登记",
            "ordinal": 1,
            "connector": connector,
            "options": options,
            "mapping": {
                item: entry if isinstance(entry, dict) else {"column": entry}
                for item, entry in columns.items()
            },
        } | fields
        path = tmp_path / "register.yaml"
        path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
        return load_source(path, {})

    return make


DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.server), "mariadb")


@pytest.fixture(params=DATABASES)
def register(request):
    """An empty register of companies in each kind of database."""
    return register_of(request.param, request)


@pytest.fixture
def postgres_register(request):
    """One in PostgreSQL alone."""
    return register_of("postgresql", request)


@pytest.fixture
def maria_register(request):
    """One in MariaDB alone."""
    return register_of("mariadb", request)


@pytest.fixture
def company_source(define):
    """Return a function that defines a source of a register."""

    def make(register, url=None, table=TABLE, mapping=None, **fields):
        options = {"url": url or register.url, "table": table} | fields.pop("options", {})
        kept = {key: value for key, value in options.items() if value is not None}
        fields = {"resource": "legal_person", "row_id": "主体编号"} | fields
        return define("sql", kept, mapping or MAPPING, **fields)

    return make
