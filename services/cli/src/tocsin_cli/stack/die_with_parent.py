"""Becomes another program that the kernel kills when its launcher dies, also by SIGKILL (Linux).

Run as a script, `python -I -S die_with_parent.py PARENT COMMAND…`, in the freshly forked child: between fork and exec
of a process with threads no Python code is safe to run, after exec it is.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for SIGKILL at the parent's death, then replace this process by the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # It died before the request was made.
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the launcher's own list of arguments, no shell


if __name__ == "__main__":
    main()
