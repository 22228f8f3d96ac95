"""Parts to bytes: a manifest of hashes, and a zip without times, in the order of the names."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from typing import Final

from ntrust.signing import canonical, content_hash

_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)
_READABLE: Final = 0o644 << 16
_UNIX: Final = 3


def write_bundle(parts: Mapping[str, bytes]) -> bytes:
    """The zip of these parts and of `manifest.json`, which has the hash of each and its own.

    Stored, not packed: other versions of the packing library would write other bytes.
    """
    hashes = {name: hashlib.sha256(parts[name]).hexdigest() for name in sorted(parts)}
    manifest = canonical({"files": hashes, "hash": content_hash(hashes)}).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted([*parts.items(), ("manifest.json", manifest)]):
            info = zipfile.ZipInfo(name, _NO_TIME)
            info.external_attr, info.create_system = _READABLE, _UNIX
            archive.writestr(info, content)
    return out.getvalue()
