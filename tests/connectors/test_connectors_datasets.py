"""Sources are named as OpenLineage names data sets, and no secret is in a name."""

import pytest
from openlineage.client.naming import dataset as naming

from connectors.datasets import Dataset, database_dataset, dataset_of
from connectors.definition import read_source

HEAD = "{{code: firms, resource: legal_person, department: d, title: t, ordinal: 7, row_id: id, connector: {kind}, {more}}}"
MAPPED = "mapping: {credit_code: {column: code}}, options: "


def _named(kind, options):
    return dataset_of(read_source(HEAD.format(kind=kind, more=MAPPED + options), "firms.yaml", {}))


@pytest.mark.parametrize(
    ("url", "table", "expected"),
    [
        ("postgresql+psycopg://u:p@db.city:5433/tax", "firms", naming.Postgres("db.city", "5433", "tax", "public", "firms")),
        ("postgresql://db.city/tax", "reg.firms", naming.Postgres("db.city", "5432", "tax", "reg", "firms")),
        ("mysql+pymysql://u:p@db.city/tax?charset=utf8", "firms", naming.MySQL("db.city", "3306", "tax", "firms")),
        ("mariadb+pymysql://db.city:3307/tax", "firms", naming.MySQL("db.city", "3307", "tax", "firms")),
    ],
)  # fmt: skip
def test_tables_are_named_by_the_convention(url, table, expected):
    found = database_dataset(url, table)
    assert (found.namespace, found.name) == (expected.get_namespace(), expected.get_name())


@pytest.mark.parametrize(
    ("kind", "options", "namespace", "name"),
    [
        ("sql", '{url: "sqlite:////data/登记.sqlite", table: 企业}', "sqlite:///data/登记.sqlite", "main.企业"),
        ("sql", '{url: "postgresql:///tax?host=/run/pg", table: firms}', "postgres://localhost:5432", "tax.public.firms"),
        ("sql", '{url: "mysql://u:${env:PW}@h/tax", query: SELECT 1}', "mysql://h:3306", "tax.query.firms"),
        ("sql", '{url: "${env:URL}", table: firms}', "sql://firms", "firms"),
        ("file", "{path: /in/*.csv}", "file", "/in/*.csv"),
        ("file", '{path: "s3://bucket/in/*.csv"}', "s3://bucket", "in/*.csv"),
        ("file", '{path: "sftp://host/in/a.csv"}', "sftp://host:22", "/in/a.csv"),
        ("file", '{path: "https://host/in/a.csv?token=abc"}', "https://host", "/in/a.csv"),
        ("rest", '{url: "https://host:8443/api/firms?key=abc"}', "https://host:8443", "/api/firms"),
        ("spatial", "{path: /in/a.gpkg, layer: parcels}", "file", "/in/a.gpkg/parcels"),
        ("spatial", '{service: {kind: wfs, url: "https://host/wfs?k=v"}, layer: parcels}', "https://host", "/wfs/parcels"),
        ("stream", '{url: "amqp://u:${env:PW}@mq", queue: {name: firms}}', "amqp://mq:5672", "firms"),
        ("push", "{systems: [tax]}", "push://firms", "firms"),
    ],
)  # fmt: skip
def test_every_kind_of_source_has_a_name_without_secrets(kind, options, namespace, name):
    assert _named(kind, options) == Dataset(namespace, name)
