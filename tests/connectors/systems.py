"""Systems of departments for the contract: each kind of connector's, real, with a few people's firms in it that can be changed."""

from database_systems import Changes, Maria, Postgres, Sqlite, WholeSqlite
from file_systems import Files, Layers, PackedFiles, Pushes, SftpFiles
from service_systems import Interface, Messages

SYSTEMS = {
    "sql/sqlite": Sqlite,
    "sql/whole table": WholeSqlite,
    "sql/postgresql": Postgres,
    "sql/mariadb": Maria,
    "file/local": Files,
    "file/packed": PackedFiles,
    "file/sftp": SftpFiles,
    "spatial": Layers,
    "rest": Interface,
    "stream/changes": Changes,
    "stream/queue": Messages,
    "push": Pushes,
}
