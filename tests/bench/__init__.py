# SPDX-License-Identifier: MIT
"""``make bench``: how long a login takes and what it costs; docs/bench.md says what each line is.

Times are of this machine in this minute, so what is compared is measured in turns, and what is
promised are ratios (ratios.py).

times       measuring             person     who logs in, in which rig
logins      whole logins          frames     one frame, stage by stage
processes   memory, wake-ups      galleries  many enrolled people
originals   the original's way    training   images a second
ratios      what is promised      table      figures as text
"""
