"""Identifiers that are functions of their input, so that a repeat always carries the same id."""

import hashlib


def digest_id(*parts: str) -> str:
    """Return 128 bits of SHA-256 over the parts as 32 hexadecimal characters; parts cannot run into each other."""
    hasher = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        hasher.update(len(encoded).to_bytes(8, "big"))
        hasher.update(encoded)
    return hasher.hexdigest()[:32]
