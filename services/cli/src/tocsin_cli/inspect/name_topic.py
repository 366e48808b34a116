"""Which declared topic a person means. Pure."""

from tocsin_cli.show.names import UnknownName, suggest
from tocsin_cli.show.printable import one_line
from tocsin_contracts.topics import TOPICS, TopicDeclaration


def find_declaration(text: str, prefix: str) -> TopicDeclaration:
    """Return the topic that `text` names, in short or as on the broker. Raises UnknownName."""
    for declaration in TOPICS:
        if text in (declaration.name, declaration.full_name(prefix)):
            return declaration
    names = [declaration.name for declaration in TOPICS]
    hint = suggest(text, names) or f": there are {', '.join(names)}"
    raise UnknownName(f"'{one_line(text, 60)}' is no topic of this installation (prefix {prefix}){hint}")
