"""What the process is put together with."""

from itertools import islice

from podvigil.app import Unwearied


def test_kopfs_retries_never_end_and_begin_anew_for_each_request() -> None:
    waits = Unwearied()
    first, second = list(islice(waits, 1000)), list(islice(waits, 1000))
    assert first == second
    assert first[0] == 1.0
    assert max(first) == first[-1] == 10.0
