"""Departments that deliver files: in a folder, packed, on a server, as layers of features; or push them."""

import gzip
import json
from dataclasses import replace

import pyarrow as pa
from department_system import MAPPING, MISSING, System
from servers import USER, SftpStore

from connectors.push.body import Body


class Files(System):
    """One file for each delivery; a change is delivered by the file that has the row, again."""

    whole = True
    remote = False

    def __init__(self, define, request):
        super().__init__(define)
        self.folder = request.getfixturevalue("tmp_path") / "delivered"
        self.folder.mkdir()
        self.files: dict[str, dict[int, str]] = {}

    def put(self, rows):
        new = {number: name for number, name in rows.items() if number not in self.rows}
        if new:
            self.files[f"in/{len(self.files):03d}{self.suffix}"] = new
        for name, kept in self.files.items():
            touched = kept.keys() & rows.keys()
            if touched:
                kept.update({number: rows[number] for number in touched})
                self.write(name, self.content(kept))
        self.rows |= rows

    suffix = ".csv"

    def content(self, rows) -> bytes:
        return ("id,code,name\n" + "".join(f"{n},91{n},{name}\n" for n, name in rows.items())).encode()

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    def source(self, mapping=None, port=None, user=USER):
        return self.defined({"path": f"{self.folder}/in/*.csv"}, mapping)

    def defined(self, options, mapping):
        told = {"format": "csv"} | options
        return self.define("file", told, mapping or MAPPING, resource=self.resource, row_id="id")


class PackedFiles(Files):
    suffix = ".csv.gz"

    def content(self, rows):
        return gzip.compress(super().content(rows), mtime=0)

    def source(self, mapping=None, port=None, user=USER):
        return self.defined({"path": f"{self.folder}/in/*.csv.gz"}, mapping)

    def truncate(self):
        name = next(iter(self.files))
        content = self.content(self.files[name])
        self.write(name, content[: len(content) - 12])


class SftpFiles(Files):
    remote = True

    def __init__(self, define, request):
        super().__init__(define, request)
        self.store = SftpStore(self.folder)
        self.port = self.store.port
        request.getfixturevalue("monkeypatch").setattr("connectors.file.remote.FIRST_PAUSE", 0.01)

    def write(self, name, content):
        self.store.put(name, content)

    def source(self, mapping=None, port=None, user=USER):
        options = self.store.options("in/*.csv", port) | {"tries": 2, "timeout_seconds": 5}
        return self.defined(options | {"storage": options["storage"] | {"user": user}}, mapping)

    def close(self):
        self.store.close()


class Layers(Files):
    resource = "place"
    suffix = ".geojson"

    def content(self, rows):
        features = [
            {
                "type": "Feature",
                "properties": {"id": str(n), "code": f"91{n}", "name": name},
                "geometry": {"type": "Point", "coordinates": [106, 29]},
            }
            for n, name in rows.items()
        ]
        return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()

    def source(self, mapping=None, port=None, user=USER):
        told = {"place_code": "code", "name": "name", "geometry": "geometry"}
        told |= {"division": "absent"} if mapping == MISSING else {}
        options = {"path": f"{self.folder}/in/*.geojson"}
        return self.define("spatial", options, told, resource=self.resource, row_id="id")

    def truncate(self):
        name = next(iter(self.files))
        content = self.content(self.files[name])
        self.write(name, content[: len(content) // 2])


class Pushes(System):
    """Bodies that were taken; the state says how many are stored, and how many rows of the next."""

    remote = False

    def __init__(self, define, request):
        super().__init__(define)
        self.folder, self.bodies = request.getfixturevalue("tmp_path"), []

    def put(self, rows):
        path = self.folder / f"{len(self.bodies)}.arrow"
        told = [{"id": n, "code": f"91{n}", "name": name} for n, name in rows.items()]
        table = pa.Table.from_pylist(told)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        self.bodies.append(Body(path, "arrow", f"key-{len(self.bodies)}"))
        self.rows |= rows

    def source(self, mapping=None, port=None, user=USER):
        options = {"systems": ["registry"]}
        return self.define("push", options, mapping or MAPPING, resource=self.resource, row_id="id")

    def pull(self, source, state, batch_rows):
        from connectors.pull import pushed

        told = state or {"bodies": 0, "rows": 0}
        done = told["rows"]
        for place in range(told["bodies"], len(self.bodies)):
            for batch in pushed(source, self.bodies[place], done, batch_rows):
                done += batch.number_of_rows
                yield replace(batch, watermark={"bodies": place, "rows": done})
            done = 0

    def truncate(self):
        path = self.bodies[0].path
        path.write_bytes(path.read_bytes()[:-200])
