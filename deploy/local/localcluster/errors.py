"""What can go wrong when a local cluster is built or started.

LocalClusterError
├── BinaryError      a program can be neither found nor built
└── ProcessError     a program ended early, or was not ready in time; carries the end of its log
"""


class LocalClusterError(Exception):
    """The local cluster cannot be had; the message says what to do about it."""


class BinaryError(LocalClusterError):
    """A program can be neither found nor built."""


class ProcessError(LocalClusterError):
    """A program ended early, or was not ready in time."""
