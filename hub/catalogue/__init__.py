"""The catalogue's entries as whoever works on them sees them: a command, or the API.

``opening`` puts them together with the calendar and with what is published elsewhere, ``acts`` are what people may do with them, as one
table, ``answers`` tell what stands, what happened and what a new version breaks.
"""
