import pytest

from infra.keycheck import check_keyring
from infra.keyring import FileKeyring
from schemas.errors import ConfigurationError

pytestmark = pytest.mark.server


def test_a_database_stays_with_its_keyring(database, keyring, tmp_path):
    check_keyring(database, keyring)
    keyring.rotate()
    check_keyring(database, keyring)
    with pytest.raises(ConfigurationError, match="not the one this database was filled under"):
        check_keyring(database, FileKeyring(tmp_path / "other.json"))
    check_keyring(database, FileKeyring(keyring.path))
