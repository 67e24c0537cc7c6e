"""An image without a registry and without Docker: one static program in an OCI archive, to be imported."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any, Final

JSON: Final = "application/vnd.oci.image.{}.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"


def write_image(archive: Path, name: str, program: Path, architecture: str) -> None:
    """Write an image that runs `program` (static, linux) as its entry point.

    Args:
        name: with its tag, such as `localhost/eater:1`.
        architecture: as Go calls it, such as amd64.
    """
    layer = _tar({program.name: (program.read_bytes(), 0o755)})
    packed = gzip.compress(layer, mtime=0)
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    blobs: dict[str, bytes] = {}
    manifest = {
        "schemaVersion": 2,
        "mediaType": JSON.format("manifest"),
        "config": _kept(blobs, json.dumps(config).encode(), JSON.format("config")),
        "layers": [_kept(blobs, packed, LAYER)],
    }
    described = _kept(blobs, json.dumps(manifest).encode(), JSON.format("manifest"))
    # The first is what containerd names the image by, the second what others do.
    described["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    index = {"schemaVersion": 2, "manifests": [described]}
    files = {f"blobs/sha256/{digest}": (content, 0o644) for digest, content in blobs.items()}
    files["oci-layout"] = (b'{"imageLayoutVersion": "1.0.0"}', 0o644)
    files["index.json"] = (json.dumps(index).encode(), 0o644)
    archive.write_bytes(_tar(files))


def _kept(blobs: dict[str, bytes], content: bytes, media_type: str) -> dict[str, Any]:
    digest = _digest(content)
    blobs[digest.removeprefix("sha256:")] = content
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()
