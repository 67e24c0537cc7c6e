"""The namespaces that a monitor's selector means right now."""

from collections.abc import Collection
from typing import Final

import msgspec

from podvigil.api.resources import NAMESPACES
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import ClusterError

SINGLE_LISTS: Final = 16
"""Up to so many namespaces are listed one by one; beyond, one list of all is cheaper for the server."""


class _Metadata(msgspec.Struct, gc=False):
    name: str


class _Item(msgspec.Struct, gc=False):
    metadata: _Metadata


class _Page(msgspec.Struct, gc=False):
    items: list[_Item] | None  # null: a list of metadata that found nothing


_PAGE: Final = msgspec.json.Decoder(_Page)


async def list_namespaces(cluster: Cluster, label_selector: str | None = None) -> tuple[str, ...]:
    """Their names, sorted; an empty selector means every namespace.

    Raises: ClusterError; BadRequest when the server cannot read the selector.
    """
    names: set[str] = set()
    async for page in cluster.pages(NAMESPACES, label_selector=label_selector, as_metadata=True):
        try:
            names.update(item.metadata.name for item in _PAGE.decode(page).items or ())
        except msgspec.DecodeError as error:
            raise ClusterError(200, "NotAMetadataList", str(error), call="list namespaces") from error
    return tuple(sorted(names))


def places_to_list(namespaces: Collection[str] | None) -> tuple[str | None, ...]:
    """Where to list objects of these namespaces (None: all): in each of them, or once in all (None)."""
    if namespaces is None or len(namespaces) > SINGLE_LISTS:
        return (None,)
    return tuple(sorted(namespaces))
