"""The commands of ``hub``, a module a group; heavy rooms are imported when a command runs."""
