"""Texts of any length become one line of bounded length."""


def cut_line(text: str, limit: int) -> str:
    """Return how the text begins, in one line of at most `limit` characters, cut between words."""
    # Four times as much is looked at, since runs of white space become one blank.
    line = " ".join(text[: 4 * limit].split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    head, blank, _ = cut.rpartition(" ")
    return (head if blank else cut).rstrip() + "…"
