"""The city in a box: department systems as they really are, for demonstrations, tests and benchmarks.

``build`` makes an artificial city from a seed (no person in it exists), writes its departments' registers in
the forms departments use, spoils them at stated rates and keeps the truth beside them; ``live`` lets days pass;
``truth`` reads the truth back; ``registers.running`` starts the one register that is a database server. Public
face: ``build.build_city``, ``live.live``, ``truth.load_truth``, ``registers.running``.
"""
