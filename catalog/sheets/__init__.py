"""Spreadsheets of the catalogue: forms whose columns are found by name, read in a bounded way, with every fault told in its cell.

``opened_book`` gives a workbook that was looked over, ``EntrySheets`` the entries in it, ``write_book`` and ``write_marked`` write.
"""
