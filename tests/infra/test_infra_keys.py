"""Keyring, sealing and blind indexes."""

import json
import stat
import threading

import pytest

from infra.keyring import FileKeyring
from infra.sealing import BlindIndex, Sealer
from schemas.errors import ConfigurationError, SealBroken

SUBJECTS = [bytes([first]) * 16 for first in (1, 2, 255)]
VERSIONS = [1, 2, 2**40]
WORDS = [b"", b"one", "三".encode() * 200]


@pytest.fixture
def sealer(keyring) -> Sealer:
    return Sealer(keyring, "natural_person")


def test_what_is_sealed_opens_again(sealer, keyring):
    sealed = sealer.seal(WORDS, SUBJECTS, VERSIONS)
    assert sealer.open(sealed, SUBJECTS, VERSIONS) == WORDS
    assert Sealer(keyring, "natural_person").open(sealed, SUBJECTS, VERSIONS) == WORDS
    assert [len(s) for s in sealed] == [2 + 12 + len(word) + 16 for word in WORDS]
    assert sealer.seal(WORDS, SUBJECTS, VERSIONS) != sealed
    assert sealer.seal([], [], []) == sealer.open([], [], []) == []


@pytest.mark.parametrize(
    ("subject", "version"),
    [(SUBJECTS[1], 1), (b"\x01" * 15 + b"\x02", 1), (SUBJECTS[0], 2), (b"", 1), (SUBJECTS[0], -1)],
    ids=["other subject", "other subject, same key", "other version", "no subject", "no version"],
)
def test_moved_it_does_not_open(sealer, subject, version):
    sealed = sealer.seal([b"secret words"], SUBJECTS[:1], [1])
    with pytest.raises(SealBroken, match="natural_person") as caught:
        sealer.open(sealed, [subject], [version])
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_in_another_context_or_under_another_keyring_it_does_not_open(sealer, keyring, tmp_path):
    sealed = sealer.seal([b"word"], SUBJECTS[:1], [1])
    for other in (
        Sealer(keyring, "legal_person"),
        Sealer(FileKeyring(tmp_path / "other.json"), "natural_person"),
    ):
        with pytest.raises(SealBroken):
            other.open(sealed, SUBJECTS[:1], [1])


@pytest.mark.parametrize("position", [0, 1, 2, 13, 14, -1])
def test_altered_it_does_not_open(sealer, position):
    sealed = bytearray(sealer.seal([b"word"], SUBJECTS[:1], [1])[0])
    sealed[position] ^= 1
    with pytest.raises(SealBroken):
        sealer.open([bytes(sealed)], SUBJECTS[:1], [1])


@pytest.mark.parametrize("length", [0, 1, 2, 10, 14, 29])
def test_cut_it_does_not_open(sealer, length):
    sealed = sealer.seal([b"word"], SUBJECTS[:1], [1])[0][:length]
    with pytest.raises(SealBroken):
        sealer.open([sealed], SUBJECTS[:1], [1])


def test_rotation_seals_anew_and_opens_the_old(sealer, keyring):
    old = sealer.seal([b"word"], SUBJECTS[:1], [1])
    elsewhere = Sealer(FileKeyring(keyring.path), "natural_person")  # a process that runs on meanwhile
    assert keyring.rotate() == keyring.current == 2
    new = sealer.seal([b"word"], SUBJECTS[:1], [1])
    assert (old[0][:2], new[0][:2]) == (b"\x00\x01", b"\x00\x02")
    assert sealer.open(old + new, SUBJECTS[:1] * 2, [1, 1]) == [b"word"] * 2
    assert elsewhere.open(old + new, SUBJECTS[:1] * 2, [1, 1]) == [b"word"] * 2


def test_indexes_meet_by_value_and_differ_by_kind_and_keyring(keyring, tmp_path):
    index = BlindIndex(keyring)
    first, again, other = index.index("subject", ["a", "a", "b"])
    assert first == again != other
    assert len(first) == 16
    assert index.index("phone", ["a"]) != [first]
    assert BlindIndex(FileKeyring(tmp_path / "other.json")).index("subject", ["a"]) != [first]
    assert index.digest("subject", [b"a"]) != [first]
    keyring.rotate()
    assert BlindIndex(keyring).index("subject", ["a"]) == [first]


def test_the_keyring_is_its_owners_alone(keyring):
    assert stat.S_IMODE(keyring.path.stat().st_mode) == 0o600
    keyring.rotate()
    assert stat.S_IMODE(keyring.path.stat().st_mode) == 0o600
    keyring.path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="open to others"):
        FileKeyring(keyring.path)


def test_derived_keys_differ_by_purpose_and_version_and_last(keyring):
    keyring.rotate()
    keys = {keyring.derive(purpose, version) for purpose in ("a", "b") for version in (1, 2)}
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 4
    assert FileKeyring(keyring.path).derive("a", 1) == keyring.derive("a", 1)
    with pytest.raises(ConfigurationError, match="no key version 3"):
        keyring.derive("a", 3)


def test_many_make_one_keyring_at_once(tmp_path):
    path, keys = tmp_path / "ring.json", []
    threads = [
        threading.Thread(target=lambda: keys.append(FileKeyring(path).derive("a", 1))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ring.json", "ring.json.lock"]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"masters": {}}', '{"masters": {"1": "c2hvcnQ="}}', '{"masters": {"1": "?"}}']
)
def test_a_file_that_is_no_keyring(tmp_path, text):
    path = tmp_path / "ring.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="not a keyring"):
        FileKeyring(path)


def test_a_full_keyring(keyring):
    document = json.loads(keyring.path.read_text())
    document["masters"]["65535"] = document["masters"]["1"]
    keyring.path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError, match="full"):
        FileKeyring(keyring.path).rotate()


def test_a_keyring_in_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        FileKeyring(tmp_path / "file" / "ring.json")
