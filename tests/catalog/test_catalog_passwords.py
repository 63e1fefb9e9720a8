import pytest
from argon2 import PasswordHasher

from catalog.account import Lockout
from catalog.passwords import Passwords, check_chosen, common_words, new_password
from schemas.errors import WeakPassword

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

GUESSED = [
    "password1234", "P@ssw0rd!2026", "passwordpassword", "qwertyuiop123", "1qaz2wsx3edc", "123456789012", "abcdefghijkl",
    "aaaaaaaaaaaa", "xyxyxyxyxyxy", "chongqing2026", "Chongqing@2026!", "woaini1314520", "admin123admin123", "987654321000",
    "zhang.desk.2026", "Zhang-Desk-99", "iloveyou12345", "adminadmin2025!", "shujugongxiang1",
]  # fmt: skip
GOOD = [
    "correct horse battery staple", "九月雨后的山城轻轨站台真安静", "tq7-Vrm2-Kx9w-Bp4h", "839201746352", "kayak vs lantern 8",
    "password of the seven turnips",
]  # fmt: skip


@pytest.mark.parametrize("password", GUESSED)
def test_what_everybody_takes_is_refused(password):
    with pytest.raises(WeakPassword, match="commonest"):
        check_chosen(password, "zhang.desk")


@pytest.mark.parametrize("password", GOOD)
def test_nothing_else_is_asked_of_a_password(password):
    check_chosen(password, "zhang.desk")


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 257])
def test_a_password_is_long_and_not_endless(password):
    with pytest.raises(WeakPassword, match="12 to 256"):
        check_chosen(password, "zhang.desk")


def test_what_is_refused_is_not_quoted():
    with pytest.raises(WeakPassword) as refused:
        check_chosen("password1234", "zhang.desk")
    assert "1234" not in str(refused.value)


def test_a_password_is_kept_as_argon2id_and_found_again_however_it_is_typed():
    passwords = Passwords(QUICK)
    stored = passwords.hashed("cafe\u0301 ten kites")
    assert stored.startswith("$argon2id$")
    assert passwords.fits(stored, "caf\u00e9 ten kites")  # composed, as another keyboard types it
    assert not passwords.fits(stored, "cafe ten kites")
    assert not passwords.fits(None, "cafe ten kites")
    assert not passwords.fits("not a hash", "cafe ten kites")
    assert Passwords().is_outdated(stored)
    assert not passwords.is_outdated(stored)


def test_the_parameters_are_those_of_rfc_9106():
    """Its second recommended option: 64 MiB, 3 passes, 4 lanes."""
    assert "$m=65536,t=3,p=4$" in Passwords().hashed("whatever it is")


def test_made_passwords_differ():
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        check_chosen(password, "zhang.desk")


def test_the_wait_doubles_up_to_an_hour():
    waits = [Lockout().wait(failures) for failures in range(100)]
    assert waits[:5] == [None] * 5
    assert [wait.total_seconds() for wait in waits[5:13]] == [30, 60, 120, 240, 480, 960, 1920, 3600]
    assert {wait.total_seconds() for wait in waits[13:]} == {3600}


def test_the_list_is_in_lower_case():
    assert len(common_words()) > 150
    assert all(word == word.lower().strip() for word in common_words())
