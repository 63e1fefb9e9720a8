"""The demo's second half: departments publish, another applies, calls, doubts what it read, and is told of the correction.

``cast`` is who and what there is, as data; ``story`` lets them act: people as the commands do, systems over HTTP.
"""
