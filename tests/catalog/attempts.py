"""A process that tries wrong passwords on one account, several at a time: ``python attempts.py PERSON TIMES``."""

import sys
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

from audit.recording import record_administration
from catalog.account import Lockout
from catalog.accounts import Accounts, Rules
from catalog.passwords import Passwords
from catalog.second_factors import SecondFactors
from infra.database import Role, open_database
from infra.keyring import FileKeyring
from infra.settings import load_settings

QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def attempt(database, keyring, person, password):
    with database.engine(Role.APPLICATION).begin() as connection:
        factors = SecondFactors(connection, record_administration, keyring, "test")
        rules = Rules(QUICK, Lockout(free=5))
        return Accounts(connection, record_administration, rules, factors).sign_in(person, password)


def main(person, times):
    settings = load_settings()
    with open_database(settings) as database, ThreadPoolExecutor(5) as pool:
        keyring = FileKeyring(settings.keyring)
        list(pool.map(lambda n: attempt(database, keyring, person, f"wrong guess {n}"), range(times)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
