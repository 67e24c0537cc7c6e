"""Start a program that the kernel ends when its parent ends, even if the parent was killed with SIGKILL.

Run by path as `python -I -S leash.py PARENT_PID PROGRAM ARGUMENTS…`, so it imports only the standard library.
A `preexec_fn` would do the same, but runs Python between fork and exec, which is unsafe beside threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>; survives execve unless the program is set-user-ID."""


def main() -> None:
    """Tie this process to its parent, then become the program."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel knew of the tie
        sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
