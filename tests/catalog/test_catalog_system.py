import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from catalog.system import MOST_KEYS, System
from catalog.system_key import SystemKey, public_keys, read_keys
from schemas.errors import AlreadyRegistered, ConfigurationError, LastKey, NotRegistered


def _public(key):
    return key.as_dict(private=False)


@pytest.mark.parametrize(
    "key",
    [OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256"), RSAKey.generate_key(2048)],
    ids=["Ed25519", "P-256", "RSA"],
)
def test_keys_of_the_three_kinds(key):
    assert len(System("permits", "org", "Permits", (_public(key),)).known_keys) == 1


@pytest.mark.parametrize(
    ("jwk", "says"),
    [
        (OctKey.generate_key(256).as_dict(), "not Ed25519"),
        (_public(ECKey.generate_key("P-521")), "not Ed25519"),
        (_public(OKPKey.generate_key("X25519")), "not Ed25519"),
        (OKPKey.generate_key("Ed25519").as_dict(private=True), "private"),
        ({"kty": "what"}, "not a JWK"),
    ],
    ids=["symmetric", "P-521", "X25519", "private", "nonsense"],
)
def test_other_keys_are_refused(jwk, says):
    with pytest.raises(ConfigurationError, match=says):
        System("permits", "org", "Permits", (jwk,))


def test_a_system_needs_an_id_and_a_key():
    jwk = _public(OKPKey.generate_key("Ed25519"))
    with pytest.raises(ConfigurationError, match="id"):
        System("Has Space", "org", "Permits", (jwk,))
    with pytest.raises(ConfigurationError, match="no public key"):
        System("permits", "org", "Permits", ())


def test_jwk_jwks_and_lists_are_read():
    jwk = _public(OKPKey.generate_key("Ed25519"))
    assert public_keys(jwk) == public_keys([jwk]) == public_keys({"keys": [jwk]}) == (jwk,)


def certificate(key, begins, ends):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "审批系统")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(7)
        .public_key(key.public_key())
    )
    signed = built.not_valid_before(begins).not_valid_after(ends).sign(key, SHA256())
    return signed.public_bytes(Encoding.PEM)


def pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


PRIVATE = [
    ed25519.Ed25519PrivateKey.generate(),
    ec.generate_private_key(ec.SECP256R1()),
    rsa.generate_private_key(65537, 2048),
]


@pytest.mark.parametrize("key", PRIVATE, ids=["Ed25519", "P-256", "RSA"])
def test_a_public_key_in_pem_is_read(key):
    (jwk,) = read_keys(pem(key))
    assert SystemKey.of("permits", jwk).public.as_pem(private=False) == pem(key)


def test_a_certificate_is_read_with_its_validity():
    begins, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    (jwk,) = read_keys(certificate(PRIVATE[1], begins, ends))
    key = SystemKey.of("permits", jwk)
    assert key.ends_at == ends
    assert [key.is_valid(at) for at in (begins - DAY, begins, ends - DAY, ends)] == [False, True, True, False]
    told = x509.load_der_x509_certificate(base64.b64decode(jwk["x5c"][0]))
    assert told.public_key() == PRIVATE[1].public_key()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"not a key", "neither JSON nor PEM"),
        (b"7", "no JWK"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no public key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "cannot be read"),
        (PRIVATE[0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "no public key"),
        (pem(dsa.generate_private_key(2048)), "does not take"),
    ],
    ids=["nonsense", "a number", "broken PEM", "broken certificate", "private", "DSA"],
)
def test_what_holds_no_key_is_refused(data, says):
    with pytest.raises(ConfigurationError, match=says):
        read_keys(data)


def system(*keys):
    return System("permits", "org", "Permits", tuple(_public(key) for key in keys))


NOW, DAY = datetime(2026, 6, 1, tzinfo=UTC), timedelta(days=1)


def test_a_key_is_added_and_the_old_one_retired():
    old, new = OKPKey.generate_key("Ed25519"), OKPKey.generate_key("Ed25519")
    both = system(old).with_key(_public(new), NOW)
    assert [key.thumbprint for key in both.keys_on(NOW)] == [old.thumbprint(), new.thumbprint()]
    later = datetime.now(UTC).replace(microsecond=0) + 2 * DAY
    retired = both.without_key(both.known_keys[0].kid, later)
    assert len(retired.keys_on(later - DAY)) == 2
    assert [key.thumbprint for key in retired.keys_on(later)] == [new.thumbprint()]
    third = retired.with_key(_public(OKPKey.generate_key("Ed25519")), later + DAY)
    assert old.thumbprint() not in {key.thumbprint for key in third.known_keys}
    assert (
        retired.without_key(retired.known_keys[0].kid, later + DAY) == retired
    )  # it ends no later than it did


def test_the_last_key_is_not_retired():
    one = system(OKPKey.generate_key("Ed25519"))
    with pytest.raises(LastKey, match="no valid key"):
        one.without_key(one.known_keys[0].kid, NOW)
    with pytest.raises(NotRegistered, match="no such key"):
        one.without_key("nothing", NOW)


def test_a_key_is_known_once_and_not_after_its_end():
    key = OKPKey.generate_key("Ed25519")
    with pytest.raises(AlreadyRegistered):
        system(key).with_key(_public(key), NOW)
    with pytest.raises(AlreadyRegistered):
        system(key).with_key(_public(OKPKey.generate_key("Ed25519")) | {"kid": key.thumbprint()}, NOW)
    with pytest.raises(ConfigurationError, match="expired"):
        system(key).with_key(_public(OKPKey.generate_key("Ed25519")) | {"exp": 1}, NOW)
    with pytest.raises(ConfigurationError, match="exp"):
        system(key).with_key(_public(OKPKey.generate_key("Ed25519")) | {"exp": "soon"}, NOW)
    with pytest.raises(ConfigurationError, match=f"more than {MOST_KEYS}"):
        system(*(OKPKey.generate_key("Ed25519") for _ in range(MOST_KEYS + 1)))
