"""Speed, as ratios inside one run: each side measured in turn (A B A B), medians printed, against limit and peers.

``python -m benchmarks [NAME...]`` or ``hub bench``. Absolute figures do not hold on shared machines; ratios do.
"""
