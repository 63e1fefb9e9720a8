"""``connector: push``: the department's own system sends its rows to the hub, which pulls nothing."""
