"""Signatures of calls: the vectors of RFC 9421, appendix B, and what the hub asks of a signature beyond."""

import base64
import re
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from catalog.system import System
from exchange_api.signature_algorithms import ALGORITHMS, is_signed, sign
from exchange_api.signature_base import AnswerMessage, RequestMessage, Target, signature_base, target_of
from exchange_api.signature_fields import LARGEST_FIELD, Component, Covered, inputs_in, signatures_in
from exchange_api.signature_making import signed
from exchange_api.signatures import Signatures
from schemas.errors import ExpiredSignature, InvalidSignature

# The public halves of the RFC's own test keys (appendix B.1).
ED25519 = OKPKey.import_key(
    {"kty": "OKP", "crv": "Ed25519", "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}
)
P256 = ECKey.import_key({
    "kty": "EC", "crv": "P-256",
    "x": "qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA", "y": "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0",
})  # fmt: skip
RSA_PSS = RSAKey.import_key("""-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----
""")
REQUEST = RequestMessage(
    "POST",
    Target("https", "example.com", "/foo", "param=Value&Pet=dog"),
    {
        "host": ["example.com"],
        "date": ["Tue, 20 Apr 2021 02:07:55 GMT"],
        "content-type": ["application/json"],
        "content-digest": [
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
        ],
        "content-length": ["18"],
    },
)
ANSWER = AnswerMessage(
    200,
    {
        "date": ["Tue, 20 Apr 2021 02:07:56 GMT"],
        "content-type": ["application/json"],
        "content-digest": [
            "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:"
        ],
        "content-length": ["23"],
    },
)
VECTORS = [
    (
        REQUEST, "rsa-pss-sha512", RSA_PSS,
        'sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
        ("sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG"
        "52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HEL"
        "jVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==:"),
    ),
    (
        REQUEST, "rsa-pss-sha512", RSA_PSS,
        'sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"',
        ("sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT"
        "8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcs"
        "Ik4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==:"),
    ),
    (
        REQUEST, "rsa-pss-sha512", RSA_PSS,
        ('sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length")'
        ';created=1618884473;keyid="test-key-rsa-pss"'),
        ("sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fU"
        "xN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvf"
        "rs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:"),
    ),
    (
        ANSWER, "ecdsa-p256-sha256", P256,
        'sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"',
        "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:",
    ),
    (
        REQUEST, "ed25519", ED25519,
        'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    ),
]  # fmt: skip
"""Messages, algorithms, keys, and the two fields, as they stand in appendix B.2."""


@pytest.mark.parametrize(("message", "algorithm", "key", "given", "signature"), VECTORS)
def test_the_vectors_of_the_rfc(message, algorithm, key, given, signature):
    ((label, covered),) = inputs_in(given).items()
    assert f"{label}={covered}" == given
    (signature,) = signatures_in(signature).values()
    base = signature_base(message, covered)
    assert is_signed(algorithm, key, signature, base)
    assert not is_signed(algorithm, key, signature, base + b" ")
    assert not is_signed(algorithm, key, signature[:-1], base)
    assert not is_signed(algorithm, key, bytes([signature[0] ^ 1]) + signature[1:], base)


@pytest.mark.parametrize(("encoded", "value"), [  # section 2.2.8
    ("var=this%20is%20a%20big%0Amultiline%20value", "this%20is%20a%20big%0Amultiline%20value"),
    ("var=with+plus+whitespace", "with%20plus%20whitespace"),
])  # fmt: skip
def test_a_parameter_of_the_query_is_encoded_anew(encoded, value):
    message = RequestMessage("GET", Target("https", "example.com", "/", encoded), {})
    covered = Covered((Component("@query-param", (("name", "var"),)),))
    assert signature_base(message, covered).decode().splitlines()[0] == f'"@query-param";name="var": {value}'


def test_lines_of_a_field_are_joined_and_trimmed():
    message = RequestMessage("GET", Target("https", "example.com", "/"), {"a": [" x \t", "y"], "b": [""]})
    covered = Covered((Component("b"), Component("a")), (("created", 1),))
    assert signature_base(message, covered) == b'"b": \n"a": x, y\n"@signature-params": ("b" "a");created=1'


@pytest.mark.parametrize("folded", ["x\r\n y", 'x\n"@method": GET'])
def test_a_folded_field_is_not_signed(folded):
    message = RequestMessage("GET", Target("https", "example.com", "/"), {"a": [folded]})
    with pytest.raises(InvalidSignature):
        signature_base(message, Covered((Component("a"),)))


def test_spaces_and_quotes_are_read_and_written_as_they_should_be():
    (covered,) = inputs_in('a=( "x"   "y";key="q\\"(" );n="\\\\";flag;no=?0').values()
    assert str(covered) == '("x" "y";key="q\\"(");n="\\\\";flag;no=?0'


MALFORMED = [
    "", "a", "a=", "a=x", "a=(", 'a=("x', 'a=("x")b', 'a=("x"),', ',a=("x")', 'A=("x")', 'a=("x""y")', 'a=(x)', 'a=("x");b=1.5',
    'a=("x");b=x', 'a=("x");b=1;b=2', 'a=("x" "x")', 'a=("x"), a=("y")', 'a=("x");n="\x00"', 'a=("x");n="é"', 'a=("x");n="\\x"',
    'a=("x");n=1234567890123456', 'a="x"', 'a=("x") b=("y")', "a=(" + " ".join(f'"x{n}"' for n in range(33)) + ")",
    ", ".join(f'a{n}=("x")' for n in range(9)), f'a=("x");n="{"x" * LARGEST_FIELD}"',
]  # fmt: skip


@pytest.mark.parametrize("field", MALFORMED)
def test_malformed_inputs_are_refused(field):
    with pytest.raises(InvalidSignature, match="malformed"):
        inputs_in(field)


@pytest.mark.parametrize("field", ["a=:x:", "a=:AAAA", "a=AAAA", "a=::, a=::", "a=:A===:", "a=:AA=A:"])
def test_malformed_signatures_are_refused(field):
    with pytest.raises(InvalidSignature, match="malformed"):
        signatures_in(field)


@pytest.mark.parametrize(("url", "authority"), [
    ("https://Hub.Example:443/v1/", "hub.example"),
    ("http://hub.example:443", "hub.example:443"),
    ("http://[::1]:80", "[::1]"),
    ("http://127.0.0.1:8080", "127.0.0.1:8080"),
])  # fmt: skip
def test_authorities_are_normalised(url, authority):
    assert target_of(url).authority == authority


# ── what the hub asks of a signature ──────────────────────────────────────────────────────────────────

HUB = "https://hub.example/exchange"
KEYS = {"ed25519": OKPKey.generate_key("Ed25519"), "ecdsa-p256-sha256": ECKey.generate_key("P-256")}
KEYS |= {"rsa-pss-sha512": RSAKey.generate_key(2048)}
KEYS |= {"rsa-v1_5-sha256": KEYS["rsa-pss-sha512"]}
RETIRED = OKPKey.generate_key("Ed25519")
SYSTEMS = {
    "permits": System("permits", "org", "t", (
        *(KEYS[name].as_dict(private=False) for name in ("ed25519", "ecdsa-p256-sha256", "rsa-pss-sha512")),
        RETIRED.as_dict(private=False) | {"kid": "old", "exp": int(time.time()) - 1},
    )),
    "other": System("other", "org", "t", (OKPKey.generate_key("Ed25519").as_dict(private=False) | {"kid": "theirs"},)),
}  # fmt: skip
STATED = {"Hub-Purpose": "p", "Hub-Legal-Basis": "l", "Hub-Case-Code": "c"}
PATH = "/v1/resources/natural_person/records/x?items=name"


def call(headers, method="GET", path=PATH):
    """A request as it reaches the application."""
    parts = urlsplit(path)
    return {
        "method": method, "path": parts.path, "raw_path": parts.path.encode(), "query_string": parts.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }  # fmt: skip


def headers_of(algorithm="ed25519", key=None, kid=None, url=HUB + PATH, more=(), body=None, method="GET"):
    key = key or KEYS[algorithm]
    keyid = kid or f"permits/{key.thumbprint()}"
    return signed(method, url, STATED | dict(more), body, keyid, algorithm, key)


def checked(headers, at=0.0, skew=60, **of_call):
    signatures = Signatures(HUB, lambda: SYSTEMS, skew, lambda: time.time() + at)
    return signatures.checked(call(headers.items() if isinstance(headers, dict) else headers, **of_call))


def changed(headers, old, new):
    """The same with something else in what the signature says of itself, signed as it was."""
    assert old in headers["signature-input"]
    return headers | {"signature-input": headers["signature-input"].replace(old, new)}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_is_taken_of_the_keys_it_is_for(algorithm):
    assert checked(headers_of(algorithm)).system is SYSTEMS["permits"]
    for other in set(ALGORITHMS) - {algorithm}:
        with pytest.raises(InvalidSignature):
            checked(changed(headers_of(algorithm), f'alg="{algorithm}"', f'alg="{other}"'))


def test_nonces_of_two_systems_are_two():
    """So that nobody can use up another's."""
    headers = headers_of()
    first = checked(headers)
    assert first.nonce == checked(headers).nonce
    assert first.nonce != checked(headers_of()).nonce


@pytest.mark.parametrize(("seconds", "refused"), [(-59, False), (-62, True), (119, False), (121, True)])
def test_a_signature_holds_for_its_time_and_the_skew_of_clocks(seconds, refused):
    headers = headers_of()
    if refused:
        with pytest.raises(ExpiredSignature):
            checked(headers, at=seconds)
    else:
        assert checked(headers, at=seconds)


def resigned(covered, **of_message):
    """A call that signs what ``covered`` says, and nothing else."""
    (one,) = inputs_in(f"hub={covered}").values()
    told = {n.lower(): [v] for n, v in STATED.items()}
    parts = urlsplit(HUB + PATH)
    message = RequestMessage("GET", target_of(HUB, parts.path, parts.query), told)
    signature = base64.b64encode(sign("ed25519", KEYS["ed25519"], signature_base(message, one))).decode()
    return {name: values[0] for name, values in told.items()} | {
        "signature-input": f"hub={one}",
        "signature": f"hub=:{signature}:",
    }


WHOLE = '"@method" "@target-uri" "hub-purpose" "hub-legal-basis" "hub-case-code"'


def said(components=WHOLE, lives=60, **changed):
    """What a signature covers and says of itself, as of now; None leaves something out."""
    now = int(time.time())
    told = {
        "created": now, "expires": now + lives, "nonce": '"0123456789abcdef"', "alg": '"ed25519"',
        "keyid": f'"permits/{KEYS["ed25519"].thumbprint()}"', "tag": '"exchange-hub"',
    } | changed  # fmt: skip
    return f"({components})" + "".join(
        f";{name}={value}" for name, value in told.items() if value is not None
    )


LACKING = {
    "@method": {"components": WHOLE.replace('"@method" ', "")},
    "@target-uri": {"components": WHOLE.replace('"@target-uri" ', "")},
    ": @target-uri": {"components": WHOLE.replace('"@target-uri"', '"@authority" "@path"')},
    "hub-purpose": {"components": WHOLE.replace('"hub-purpose" ', "")},
    "hub-case-code": {"components": WHOLE.replace(' "hub-case-code"', "")},
    "not say: created": {"created": None},
    "not say: expires": {"expires": None},
    "not say: nonce": {"nonce": None},
    "not say: alg": {"alg": None},
    "16 to 200 characters": {"nonce": '"0123"'},
    "expires within": {"lives": 301},
    "within 300 seconds": {"created": '"1"'},
    "seconds of its creation": {"lives": -1},
    "no signatures with the tag": {"tag": '"other"'},
    "alg is not taken": {"alg": '"hmac-sha256"'},
}
"""What a refusal says, and what it says that of."""


@pytest.mark.parametrize("lacks", LACKING)
def test_a_signature_that_says_or_covers_too_little_is_refused(lacks):
    with pytest.raises(InvalidSignature, match=lacks):
        checked(resigned(said(**LACKING[lacks])))


def test_the_parts_of_the_target_do_for_the_whole():
    assert checked(resigned(said(WHOLE.replace('"@target-uri"', '"@authority" "@path" "@query"'))))


ALTERED = [
    ("another purpose", lambda h: h | {"hub-purpose": "q"}, {}),
    ("another method", lambda h: h, {"method": "POST"}),
    ("another record", lambda h: h, {"path": PATH.replace("/x", "/y")}),
    ("other items", lambda h: h, {"path": PATH.replace("name", "sex")}),
    ("a dot segment", lambda h: h, {"path": PATH.replace("/records/", "/./records/")}),
    ("components in another order", lambda h: changed(h, '"@method" "@target-uri"', '"@target-uri" "@method"'), {}),
    ("another nonce", lambda h: changed(h, 'nonce="', 'nonce="A'), {}),
    ("another time", lambda h: h | {"signature-input": re.sub(r"expires=\d+", f"expires={int(time.time()) + 59}", h["signature-input"])}, {}),
    ("a signature cut short", lambda h: h | {"signature": h["signature"][:-5] + "=:"}, {}),
    ("another's signature", lambda h: h | {"signature": headers_of()["signature"]}, {}),
    ("another label", lambda h: h | {"signature": h["signature"].replace("hub=", "hup=")}, {}),
    ("no signature", lambda h: {n: v for n, v in h.items() if n != "signature"}, {}),
    ("nothing said of it", lambda h: {n: v for n, v in h.items() if n != "signature-input"}, {}),
    ("a field added that is acted on", lambda h: h | {"idempotency-key": "k"}, {}),
    ("another system's key", lambda h: changed(h, "permits/", "other/"), {}),
    ("a system that is not there", lambda h: changed(h, "permits/", "nobody/"), {}),
    ("a key that is not there", lambda h: changed(h, 'keyid="permits/', 'keyid="permits/x'), {}),
    ("no key at all", lambda h: changed(h, "permits/", "permits-"), {}),
    ("two signatures for a hub", lambda h: h | {
        "signature-input": f"{h['signature-input']}, {h['signature-input'].replace('hub=', 'two=')}"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("how", "altered", "of_call"), ALTERED, ids=[how for how, *_ in ALTERED])
def test_a_call_that_is_not_the_one_that_was_signed_is_refused(how, altered, of_call):
    assert checked(headers_of())
    with pytest.raises(InvalidSignature):
        checked(altered(headers_of()), **of_call)


def test_a_signature_for_another_hub_is_none_here():
    with pytest.raises(InvalidSignature):
        checked(headers_of(url="https://other.example/exchange" + PATH))


def test_a_signed_field_stands_once():
    headers = list(headers_of().items())
    with pytest.raises(InvalidSignature, match="more than once"):
        checked([*headers, ("hub-purpose", "q")])


def test_a_retired_key_signs_no_more():
    for kid in ("old", RETIRED.thumbprint()):
        with pytest.raises(InvalidSignature, match="valid now"):
            checked(headers_of(key=RETIRED, kid=f"permits/{kid}"))


def test_of_several_signatures_the_one_with_the_tag_counts():
    headers = headers_of()
    proxys = f'proxy=("@authority");created=1;keyid="p";tag="proxy", {headers["signature-input"]}'
    assert checked(
        headers | {"signature-input": proxys, "signature": f"proxy=:AAAA:, {headers['signature']}"}
    )
    lines = [item for item in headers.items() if not item[0].startswith("signature")]
    lines += [("signature-input", part) for part in proxys.split(", ")]
    lines += [("signature", "proxy=:AAAA:"), ("signature", headers["signature"])]
    assert checked(lines)


def test_a_key_begins_and_ends_by_the_moment_of_the_call():
    begins = int((datetime.now(UTC) + timedelta(minutes=1)).timestamp())
    key = OKPKey.generate_key("Ed25519")
    system = System("permits", "org", "t", (key.as_dict(private=False) | {"kid": "next", "nbf": begins},))
    signatures = Signatures(HUB, lambda: {"permits": system}, 60)
    with pytest.raises(InvalidSignature, match="valid now"):
        signatures.checked(call(headers_of(key=key, kid="permits/next").items()))
