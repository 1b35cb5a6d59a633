# SPDX-License-Identifier: MIT
"""Where the installed ``faceauth`` begins: Ctrl-C is quiet before there is a command to end.

Importing the command takes some 60 ms; a Ctrl-C in them ends the process by the signal, as it ends
any other program, and not by a traceback.
"""

import signal


def main() -> None:
    """Import the command, then run it."""
    ctrl_c = signal.getsignal(signal.SIGINT)
    if ctrl_c is not signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cli.main import main as faceauth

    signal.signal(signal.SIGINT, ctrl_c)
    faceauth()
