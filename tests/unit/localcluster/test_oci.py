"""An image made by hand: what is in the archive, and that its digests are right."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

from localcluster.oci import write_image


def test_an_image_holds_one_program_and_names_itself(tmp_path: Path) -> None:
    program = tmp_path / "eater"
    program.write_bytes(b"\x7fELF")
    write_image(tmp_path / "image.tar", "localhost/eater:1", program, "amd64")
    with tarfile.open(tmp_path / "image.tar") as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}  # type: ignore[union-attr]
    blobs = {
        name.removeprefix("blobs/sha256/"): content for name, content in files.items() if "blobs" in name
    }
    assert all(hashlib.sha256(content).hexdigest() == digest for digest, content in blobs.items())
    (described,) = json.loads(files["index.json"])["manifests"]
    assert described["annotations"]["io.containerd.image.name"] == "localhost/eater:1"

    def blob(of: dict[str, str]) -> bytes:
        return blobs[of["digest"].removeprefix("sha256:")]

    manifest = json.loads(blob(described))
    config, layer = json.loads(blob(manifest["config"])), gzip.decompress(blob(manifest["layers"][0]))
    assert config["config"] == {"Entrypoint": ["/eater"]}
    # The layer's identity is that of the tar, not of what was packed.
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as inner:
        (member,) = inner.getmembers()
    assert (member.name, member.mode, member.size) == ("eater", 0o755, 4)
