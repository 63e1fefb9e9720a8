"""The three lists that steer supply (需求、责任、负面清单): what users want, who must supply what by when, what may not be shared.

``LISTS`` says what a line of each is, ``Lists`` writes and reads them, ``touched`` finds what the negative list keeps from being shared.
"""
