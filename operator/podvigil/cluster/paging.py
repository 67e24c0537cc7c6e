"""Where a paged list goes on. Pure: `Cluster.pages` makes the calls."""

from dataclasses import dataclass, replace
from typing import Final, Self

import msgspec

from podvigil.cluster.errors import ClusterError, Gone, not_json

MAX_PAGES: Final = 2_000
"""A million objects at 500 a page: more than a cluster holds, so a server that repeats itself is noticed."""


class _ListMeta(msgspec.Struct, gc=False):
    token: str = msgspec.field(name="continue", default="")


class _Head(msgspec.Struct, gc=False):
    items: msgspec.Raw
    """Only that there are some, or null: what has none is no list, and must not pass for an empty one."""
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)


_HEAD: Final = msgspec.json.Decoder(_Head)


def next_token(page: bytes, call: str) -> str:
    """The token for the page after this one, empty on the last.

    Raises: ClusterError when the page is no list.
    """
    try:
        return _HEAD.decode(page).metadata.token
    except msgspec.ValidationError as error:
        raise ClusterError(
            200, "NotAList", f"the answer is no list of objects: {error}", call=call
        ) from error
    except msgspec.DecodeError as error:
        raise not_json(200, page, call) from error


@dataclass(frozen=True, slots=True)
class Pages:
    """How far a list has come."""

    token: str = ""
    count: int = 0
    more: bool = True
    restarted: bool = False

    def after(self, token: str) -> Self:
        """The page came, and `token` leads to the next."""
        if self.count + 1 >= MAX_PAGES:
            raise ClusterError(200, "TooManyPages", f"a list does not end after {MAX_PAGES} pages")
        return replace(self, token=token, count=self.count + 1, more=bool(token))

    def after_error(self, error: ClusterError) -> Self:
        """Go on after an expired token; any other error, or a second restart, is raised again."""
        if not isinstance(error, Gone) or not self.token or self.count >= MAX_PAGES:
            raise error
        offered = str(error.details.get("continue") or "")
        if offered and offered != self.token:
            return replace(self, token=offered, count=self.count + 1)
        if self.restarted:
            raise error
        return replace(self, token="", restarted=True, count=self.count + 1)
