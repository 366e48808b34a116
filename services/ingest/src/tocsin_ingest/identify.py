"""Who an article is: its id, a function of where it stands, and its content hash, a function of what it says."""

import hashlib

from tocsin_contracts.ids import digest_id
from tocsin_ingest.canonical_url import url_identity
from tocsin_ingest.normalise_article import CleanArticle


def content_hash(title: str, text: str) -> str:
    """Return SHA-256 over title and text, cleaned, as 64 hexadecimal characters."""
    hasher = hashlib.sha256()
    for part in (title, text):
        encoded = part.encode()
        hasher.update(len(encoded).to_bytes(8, "big"))
        hasher.update(encoded)
    return hasher.hexdigest()


def article_id(article: CleanArticle) -> str:
    """Return the id: from the canonical URL, else from source and guid, else from source and content.

    Without an address or a guid an edit cannot be told from another article, so it becomes one.
    """
    if article.url:
        return digest_id("url", url_identity(article.url))
    source = article.source.domain or article.source.name
    if article.guid:
        return digest_id("guid", source, article.guid)
    return digest_id("content", source, content_hash(article.title, article.text))
