"""Objections (校核): raised on what was read, answered by whose word it is, closed by what comes in corrected.

``raising`` says who may doubt what and whose it is to answer, ``acting`` what may be said with each act, ``closing`` looks after every
batch whether it corrects what is doubted, and writes the recall notices. Decree 809, articles 26 and 28.
"""
