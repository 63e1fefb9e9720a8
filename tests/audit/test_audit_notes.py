import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.notes import NoteSigner, NoteVerifier, checkpoint_text, ledger_signer, origin
from schemas.errors import LedgerBroken

# The example of Go's golang.org/x/mod/sumdb/note, which the C2SP specification describes.
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
VERIFIER = NoteVerifier("PeterNeumann", base64.b64decode(KEY.rsplit("+", 1)[1])[1:])


def test_the_published_example_opens():
    assert VERIFIER.text == KEY
    assert VERIFIER.opened(NOTE).endswith("what your problem is.\n")


@pytest.mark.parametrize(
    "note",
    [
        NOTE.replace("cryptography", "steganography"),
        NOTE.replace("— PeterNeumann", "— EveNeumann"),
        NOTE.replace("x08go", "y08go"),
        NOTE.replace("x08go", "!"),
        NOTE.split("\n\n", maxsplit=1)[0] + "\n",
        "",
    ],
)
def test_others_do_not(note):
    with pytest.raises(LedgerBroken, match="PeterNeumann"):
        VERIFIER.opened(note)


def test_a_checkpoint_is_signed_by_the_hubs_own_key(keyring):
    signer = ledger_signer(keyring, "urn:hub:chongqing")
    text = checkpoint_text(signer.name, 3, bytes(32))
    assert signer.name == origin("urn:hub:chongqing")
    assert text.splitlines() == ["urn:hub:chongqing/ledger", "3", "A" * 43 + "="]
    assert signer.verifier.opened(signer.signed(text)) == text
    other = NoteSigner(signer.name, Ed25519PrivateKey.generate())
    with pytest.raises(LedgerBroken):
        replace(other).verifier.opened(signer.signed(text))
