"""All readers of strangers' files, by name."""

from tests.fuzz import archives, checkpoints, documents, tables

PARSERS = {
    parser.name: parser
    for parser in (*archives.PARSERS, *tables.PARSERS, *documents.PARSERS, *checkpoints.PARSERS)
}
