"""One spelling per address, so that the same article found twice has the same identity.

Own code on purpose: the library at hand drops parameters such as `eid`, `cid` and `ref` that identify articles on some
sites, and brings 34 MB and a copyleft dependency.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

import idna

from tocsin_contracts.fields import MAX_URL_CHARS

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_TRACKERS: Final = frozenset(
    "_ga _gl _hsenc _hsmi at_campaign at_custom1 at_custom2 at_custom3 at_custom4 at_format at_link_id at_link_origin "  # noqa: SIM905
    "at_link_type at_medium at_ptr_name cmpid dclid fbclid gbraid gclid gclsrc igshid mc_cid mc_eid mkt_tok msclkid "
    "ns_campaign ns_mchannel ns_source oly_anon_id oly_enc_id rb_clickid s_cid twclid vero_conv vero_id wbraid "
    "wt_mc xtor yclid ysclid".split()
)
"""Parameters that only say where a reader came from; from the documentation of the advertising and mail tools."""
_TRACKER_PREFIXES: Final = ("utm_", "itm_", "mtm_", "pk_", "hsa_")
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f]")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HOST: Final = re.compile(r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$")


class BadUrl(ValueError):
    """The text is no absolute http or https address of acceptable length."""


def canonical_url(url: str) -> str:
    """Return the canonical form of `url`: ASCII, at most `MAX_URL_CHARS` characters; canonical input is unchanged.

    Scheme and host in lower case, the host in its ASCII form; user names, default ports, fragments, dot segments and
    tracking parameters removed; percent-escapes unified. The order of the other parameters is kept: it may matter.
    Raises BadUrl.
    """
    url = url.strip()
    if len(url) > MAX_URL_CHARS:
        raise BadUrl(f"longer than {MAX_URL_CHARS} characters")
    if not url.isascii():
        url = url.encode("utf-8", "replace").decode("utf-8")
    try:
        parts = urlsplit(_UNSAFE.sub(lambda match: "%20" if match.group() == " " else "", url))
        port = parts.port
    except ValueError as error:
        raise BadUrl("no valid address") from error
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise BadUrl("neither http nor https")
    host = _canonical_host(parts)
    netloc = host if port is None or port == _DEFAULT_PORTS[scheme] else f"{host}:{port}"
    path = _remove_dot_segments(_unify_escapes(parts.path, safe="/:@!$&'()*+,;=")) or "/"
    query = _canonical_query(parts.query)
    canonical = f"{scheme}://{netloc}{path}{'?' + query if query else ''}"
    if len(canonical) > MAX_URL_CHARS:
        raise BadUrl(f"longer than {MAX_URL_CHARS} characters")
    return canonical


def url_identity(canonical: str) -> str:
    """Return what identifies the article at a canonical address: http and https are the same article."""
    return canonical.split("://", 1)[1]


def host_of(canonical: str) -> str:
    """Return the host of a canonical address, without the port."""
    return urlsplit(canonical).hostname or ""


def _canonical_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError as error:
            raise BadUrl("no valid host") from error
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise BadUrl("no valid host") from error
    if len(host) > 253 or not _HOST.match(host) or ".." in host:
        raise BadUrl("no valid host")
    return host


def _unify_escapes(text: str, safe: str) -> str:
    def unify(match: re.Match[str]) -> str:
        character = chr(int(match.group(1), 16))
        return character if character in _UNRESERVED else match.group().upper()

    text = _STRAY_PERCENT.sub("%25", text)
    return quote(_ESCAPE.sub(unify, text), safe=safe + "%", errors="replace")


def _remove_dot_segments(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
            continue
        if last:
            kept.append("")
    return "/".join(kept)


def _canonical_query(query: str) -> str:
    kept = []
    for parameter in query.split("&"):
        name = parameter.split("=", 1)[0].lower()
        if parameter and name not in _TRACKERS and not name.startswith(_TRACKER_PREFIXES):
            kept.append(_unify_escapes(parameter, safe="/:@!$'()*+,;=?"))
    return "&".join(kept)
