"""What imagehost costs, in figures: `python -m bench` (`make bench`).

Machines differ and are shared, so what counts are ratios within one run: whatever is compared takes turns, round by
round, and the median over the rounds is printed. CPU time is that of the server's processes, which other programs on
the machine disturb far less than they disturb rates. Everything happens on loopback, in a temporary directory.
"""
