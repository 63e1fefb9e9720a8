"""Sharing on terms, joined for the program: applications and agreements with the hub's own calendar, and their clock."""
