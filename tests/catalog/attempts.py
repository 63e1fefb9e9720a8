"""A process that tries wrong passwords, several at a time: ``python attempts.py PERSON TIMES``.

With ``many`` at its end it tries them on as many names, all from one address.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

from audit.recording import record_administration
from catalog.account import Lockout
from catalog.accounts import Accounts, Rules
from catalog.passwords import Passwords
from catalog.second_factors import SecondFactors
from catalog.sign_in_origins import OriginRule
from infra.database import Role, open_database
from infra.keyring import FileKeyring
from infra.settings import load_settings

FROM_ADDRESS = 7
ORIGIN = bytes(16)
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def attempt(database, keyring, person, password, origin=None):
    with database.engine(Role.APPLICATION).begin() as connection:
        factors = SecondFactors(connection, record_administration, keyring, "test")
        rules = Rules(QUICK, Lockout(free=5), origins=OriginRule(FROM_ADDRESS))
        accounts = Accounts(connection, record_administration, rules, factors)
        return accounts.sign_in(person, password, origin=origin)


def main(person, times, *many):
    settings = load_settings()
    with open_database(settings) as database, ThreadPoolExecutor(5) as pool:
        keyring = FileKeyring(settings.keyring)
        names = [f"{person}{n}" if many else person for n in range(times)]
        origin = ORIGIN if many else None
        list(pool.map(lambda name: attempt(database, keyring, name, "wrong guess", origin), names))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
