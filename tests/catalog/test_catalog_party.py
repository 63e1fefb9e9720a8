import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from catalog.party import Organisation, System, public_keys
from schemas.errors import ConfigurationError


def _public(key):
    return key.as_dict(private=False)


@pytest.mark.parametrize(
    "key",
    [OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256"), RSAKey.generate_key(2048)],
    ids=["Ed25519", "P-256", "RSA"],
)
def test_keys_of_the_three_kinds(key):
    assert len(System("permits", "org", "Permits", (_public(key),)).key_set.keys) == 1


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


def test_an_organisation_needs_a_name():
    with pytest.raises(ConfigurationError):
        Organisation("11500000009275123X", "")


def test_jwk_jwks_and_lists_are_read():
    jwk = _public(OKPKey.generate_key("Ed25519"))
    assert public_keys(jwk) == public_keys([jwk]) == public_keys({"keys": [jwk]}) == (jwk,)
