"""Files on departments' servers, real ones: fetched, gone on with after a break, left alone, and every way they fail."""


def test_the_private_mariadb_restarts_with_what_it_keeps(mariadb):
    name = mariadb.database()
    with mariadb.connect(database=name) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a VARCHAR(9))")
        cursor.execute("INSERT INTO t VALUES ('张')")
    mariadb.stop()
    mariadb.start()
    with mariadb.connect(database=name) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT a FROM t")
        assert cursor.fetchall() == (("张",),)
