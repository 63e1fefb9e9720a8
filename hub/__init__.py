"""The program: the command line, and the use-cases that join rooms.

``composition.open_hub`` puts the rooms together from the settings; ``ingest`` is a record's way in; ``demo`` tells the
whole story on the city that ``hub.city`` makes.
"""
