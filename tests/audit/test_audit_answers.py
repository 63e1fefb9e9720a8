"""Proofs of answers, and the format as ``docs/signatures.md`` tells it, worked example and all."""

import base64
import json
import re
from dataclasses import replace
from hashlib import sha256

import documents
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from audit.answer_keys import keys_in, private_key, public_keys
from audit.answers import Answer, Leaf, Proof, Tree, check_answer, request_digest
from audit.merkle import every_inclusion_proof, included, inclusion_proof, root_of
from hub.cli import app
from schemas.errors import AnswerNotProven, ConfigurationError

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {"1": PRIVATE.public_key().public_bytes_raw()}
PAGE = documents.page("signatures.md")
REQUEST, ANSWER = documents.blocks(PAGE, "http")[-2:]
(JWKS,) = documents.blocks(PAGE, "json")


def answered(body=b"{}", status=200, media_type="application/json", size=5, place=3):
    """An answer with its proof, one of several that were signed together."""
    asked = request_digest("GET", "https://hub.example/v1/resources", {"hub-purpose": "p"})
    leaf = Leaf("e-1", "r-1", asked, status, media_type, sha256(body).digest(), bytes(16))
    leaves = [sha256(b"%d" % n).digest() for n in range(size)]
    leaves[place] = leaf.hash
    root, paths = every_inclusion_proof(leaves)
    tree = Tree("urn:hub:测试", 1, size, root)
    proof = Proof(tree.hub, "1", 1, place, size, leaf.salt, asked, paths[place], PRIVATE.sign(tree.text))
    digest = base64.b64encode(sha256(body).digest()).decode()
    fields = {"hub-entry": "e-1", "hub-request-id": "r-1", "content-type": media_type}
    fields |= {"content-digest": f"sha-256=:{digest}:", "hub-proof": proof.header()}
    return Answer(status, fields, body)


@pytest.mark.parametrize("size", range(1, 18))
def test_all_paths_made_at_once_are_those_made_one_by_one(size):
    leaves = [sha256(bytes([n])).digest() for n in range(size)]
    root, paths = every_inclusion_proof(leaves)
    assert root == root_of(leaves)
    for number, path in enumerate(paths):
        assert path == inclusion_proof(leaves, number)
        assert included(leaves[number], number, size, path, root)


@pytest.mark.parametrize(("size", "place"), [(1, 0), (2, 1), (7, 6), (500, 123)])
def test_an_answer_is_proven_alone(size, place):
    proof = check_answer(answered(size=size, place=place), KEYS)
    assert (proof.hub, proof.leaf, proof.of) == ("urn:hub:测试", place, size)


def other(name, value):
    return lambda answer: replace(answer, fields={**answer.fields, name: value})


def told(old, new):
    def change(answer):
        header = re.sub(old, new, answer.fields["hub-proof"])
        assert header != answer.fields["hub-proof"]
        return replace(answer, fields={**answer.fields, "hub-proof": header})

    return change


def without(name):
    return lambda answer: replace(answer, fields={n: v for n, v in answer.fields.items() if n != name})


ALTERED = {
    "another body": (lambda a: replace(a, body=b"[]"), "body is not"),
    "another status": (lambda a: replace(a, status=404), "not signed"),
    "another media type": (other("content-type", "text/csv"), "not signed"),
    "another entry": (other("hub-entry", "e-2"), "not signed"),
    "another request id": (other("hub-request-id", "r-2"), "not signed"),
    "another hub": (told("hub:", "hub:x"), "not signed"),
    "another time": (told("at=1", "at=2"), "not signed"),
    "another place": (told("leaf=3", "leaf=2"), "not signed"),
    "a place beyond": (told("leaf=3", "leaf=5"), "does not lead"),
    "another size": (told("of=5", "of=50"), "does not lead"),
    "another salt": (told("salt=:AA", "salt=:BB"), "not signed"),
    "another request": (told("request=:.{4}", "request=:AAAA"), "not signed"),
    "another path": (told("path=:.{4}", "path=:AAAA"), "not signed"),
    "a path cut short": (told("path=:[^:]+:", "path=::"), "does not lead"),
    "another signature": (told("signature=:.{4}", "signature=:AAAA"), "not signed"),
    "no base64": (told("salt=:AA", "salt=:A"), "no base64"),
    "another key": (told('key="1"', 'key="2"'), "not among those given"),
    "another form": (told("hub=", "hup="), "documented form"),
    "no proof": (without("hub-proof"), "no hub-proof"),
    "no entry": (without("hub-entry"), "no hub-entry"),
}


@pytest.mark.parametrize("how", ALTERED)
def test_an_altered_answer_is_not_proven(how):
    alter, said = ALTERED[how]
    with pytest.raises(AnswerNotProven, match=said):
        check_answer(alter(answered()), KEYS)


def test_an_answer_is_to_its_own_request():
    fields = {"hub-purpose": "p", "accept": "*/*"}
    asked = request_digest("GET", "https://hub.example/v1/resources", fields)
    assert check_answer(answered(), KEYS, asked)
    for other_one in (
        request_digest("POST", "https://hub.example/v1/resources", fields),
        request_digest("GET", "https://hub.example/v1/resources?q=1", fields),
        request_digest("GET", "https://hub.example/v1/resources", {"hub-purpose": "q"}),
    ):
        with pytest.raises(AnswerNotProven, match="another request"):
            check_answer(answered(), KEYS, other_one)


def test_keys_outlive_a_rotation(keyring):
    before = keys_in(public_keys(keyring))
    keyring.rotate()
    after = keys_in(public_keys(keyring))
    assert after == before | {"2": private_key(keyring, 2).public_key().public_bytes_raw()}
    for wrong in (
        {},
        {"keys": [{"crv": "Ed25519"}]},
        {"keys": 1},
        {"keys": [{"crv": "Ed25519", "kid": "1", "x": "A"}]},
    ):
        with pytest.raises(ConfigurationError):
            keys_in(wrong)


# ── the page ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def files(tmp_path):
    """The worked example as files: a function that runs the command on them, one of them written otherwise."""

    def verified(answer=ANSWER, request=REQUEST, keys=JWKS, *more):
        (tmp_path / "answer.http").write_text(answer.removesuffix("\n"))
        (tmp_path / "request.http").write_text(request)
        (tmp_path / "keys.json").write_text(keys)
        arguments = [
            "verify-answer",
            "answer.http",
            "--keys",
            "keys.json",
            "--request",
            "request.http",
            *more,
        ]
        return CliRunner().invoke(app, [str(tmp_path / a) if "." in a else a for a in arguments])

    return verified


def test_the_worked_example_is_proven(files):
    done = files()
    assert done.exit_code == 0, done.exception
    assert "urn:hub:example gave this answer and is one to that request" in " ".join(done.output.split())
    said = json.loads(files(ANSWER, REQUEST, JWKS, "--json").output)
    assert said == {"hub": "urn:hub:example", "at": 1767225600, "key": "1", "request": True}


def test_line_ends_of_the_wire_are_read_too(files):
    head, body = ANSWER.split("\n\n")
    wired = head.replace("\n", "\r\n") + "\r\n\r\n" + body
    assert files(wired.replace("\r\n\r\n", "\r\n\r\n")).exit_code == 0


def test_the_hashes_of_the_page_are_those_of_its_example():
    leaf, root = re.search(r"The leaf is `(.+)` and the root `(.+)`", PAGE).groups()
    fields = dict(line.split(": ", 1) for line in ANSWER.split("\n\n")[0].splitlines()[1:])
    proof = Proof.of_header(fields["Hub-Proof"])
    body = ANSWER.split("\n\n")[1].removesuffix("\n").encode()
    made = Leaf(
        fields["Hub-Entry"], fields["Hub-Request-Id"], proof.request_digest, 200, "application/json", sha256(body).digest(), proof.salt
    )  # fmt: skip
    assert base64.b64encode(made.hash).decode() == leaf
    assert included(made.hash, proof.leaf, proof.of, proof.path, base64.b64decode(root))


@pytest.mark.parametrize(("answer", "request_", "said"), [
    (ANSWER.replace("example", "changed"), REQUEST, "body"),
    (ANSWER.replace("HTTP/1.1 200 OK", "200 OK"), REQUEST, "status line"),
    (ANSWER, REQUEST.replace("CASE-0001", "CASE-0002"), "another request"),
    (ANSWER, REQUEST.replace("https://hub.example", ""), "whole URI"),
])  # fmt: skip
def test_what_does_not_fit_is_told(files, answer, request_, said):
    done = files(answer, request_)
    assert isinstance(done.exception, AnswerNotProven)
    assert said in str(done.exception)


def test_files_that_are_none_are_told(files, tmp_path):
    assert isinstance(files(ANSWER, REQUEST, "no JSON").exception, ConfigurationError)
    missing = CliRunner().invoke(app, ["verify-answer", str(tmp_path / "none")])
    assert isinstance(missing.exception, ConfigurationError)
