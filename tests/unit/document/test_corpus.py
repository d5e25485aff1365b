"""Every hand-written malformed document is refused where and for what a person would say."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.document.text import read
from cmcore.errors import DocumentError

CORPUS = Path(__file__).parent / "corpus"
# fmt: off
EXPECTED = (  # file, line and column of the first problem, a part of its message
    ("anchor-on-mapping", 2, 11, 'anchors are not supported, found &defaults'),
    ("anchor-on-key", 1, 1, 'anchors are not supported, found &k'),
    ("alias-as-value", 2, 8, 'aliases are not supported, found *nodes'),
    ("alias-as-key", 2, 1, 'aliases are not supported, found *name'),
    ("alias-bomb", 2, 4, 'anchors are not supported, found &a'),
    ("alias-to-itself", 2, 7, 'anchors are not supported, found &self'),
    ("merge-key", 4, 5, 'merge keys (<<) are not supported'),
    ("duplicate-top-key", 3, 1, "the key 'kind' stands here again"),
    ("duplicate-nested-key", 6, 5, "the key 'uses' stands here again"),
    ("duplicate-flow-key", 2, 27, "the key 'train' stands here again"),
    ("duplicate-key-in-two-spellings", 3, 1, "the key 'name' stands here again"),
    ("duplicate-keys-two", 3, 1, "the key 'a' stands here again"),
    ("integer-key", 3, 3, 'a key must be text, found the integer 1'),
    ("null-key", 2, 1, 'a key must be text, found nothing (null)'),
    ("boolean-key", 2, 1, 'a key must be text, found true'),
    ("empty-key", 2, 1, 'this does not continue the mapping above'),
    ("list-as-key", 2, 3, 'a key must be text, found a list'),
    ("mapping-as-key", 2, 1, 'a key must be text, found a mapping'),
    ("python-tag", 2, 7, 'the tag !!python/object/apply:os.system is not supported'),
    ("custom-tag", 2, 7, 'the tag !env is not supported'),
    ("binary-tag", 2, 7, 'the tag !!binary is not supported'),
    ("tag-that-lies", 2, 8, "'many' is not what its tag !!int says"),
    ("tag-on-wrong-collection", 2, 8, 'this list is not what its tag !!map says'),
    ("undeclared-tag-handle", 2, 7, 'a tag that is not declared'),
    ("deep-flow-lists", 2, 70, 'nested deeper than 64 levels'),
    ("deep-flow-mappings", 2, 259, 'nested deeper than 64 levels'),
    ("deep-block-mappings", 66, 65, 'nested deeper than 64 levels'),
    ("deep-dashes", 3, 129, 'nested deeper than 64 levels'),
    ("tab-indents-line", 3, 1, 'a tab indents this line'),
    ("tab-after-spaces", 4, 3, 'a tab indents this line'),
    ("key-too-far-left", 4, 3, 'this does not continue the mapping above'),
    ("key-too-far-right", 2, 7, "a ':' is not expected here"),
    ("list-after-mapping", 2, 1, 'this does not continue the mapping above'),
    ("mapping-after-list", 2, 1, 'this does not continue the list above'),
    ("unclosed-single-quote", 2, 7, 'a quoted text is not closed'),
    ("unclosed-double-quote", 2, 7, 'a quoted text is not closed'),
    ("unclosed-list", 3, 6, "a ',' or the closing ']' is missing before this"),
    ("unclosed-mapping", 3, 1, "a ',' or the closing '}' is missing before this"),
    ("closing-bracket-alone", 2, 8, 'a value is missing before this'),
    ("missing-comma", 2, 13, "a ',' or the closing ']' is missing before this"),
    ("colon-in-plain-text", 2, 13, "a ':' is not expected here"),
    ("text-after-quotes", 2, 11, 'this does not continue the mapping above'),
    ("missing-colon", 2, 1, "a ':' is missing after this key"),
    ("reserved-at-sign", 2, 7, 'an unquoted text cannot begin with this'),
    ("reserved-backtick", 2, 7, 'an unquoted text cannot begin with this'),
    ("windows-path-in-quotes", 2, 12, 'a backslash here is no known escape'),
    ("escaped-surrogate", 2, 10, 'this escape names no character'),
    ("short-hex-escape", 2, 10, 'this escape needs hexadecimal digits'),
    ("nan", 2, 8, '.nan is not a finite number'),
    ("infinity", 2, 12, '-.inf is not a finite number'),
    ("float-overflow", 2, 8, 'the number 1e999 is too large for a float'),
    ("integer-beyond-64-bits", 2, 8, 'the integer 9223372036854775808 does not fit into 64 bits'),
    ("integer-of-500-digits", 2, 8, 'the integer 7777777777777777777777777777777777777777...'),
    ("hexadecimal-beyond-64-bits", 2, 8, 'the integer 0xffffffffffffffffffff does not fit into 64'),
    ("latin-1", 2, 10, 'byte 22 (0xe9) is not UTF-8: invalid continuation byte'),
    ("overlong-utf-8", 2, 7, 'byte 19 (0xc0) is not UTF-8: invalid start byte'),
    ("surrogate-in-utf-8", 2, 7, 'byte 19 (0xed) is not UTF-8: invalid continuation byte'),
    ("cut-utf-8", 2, 7, 'byte 19 (0xe2) is not UTF-8: unexpected end of data'),
    ("utf-16", 1, 1, 'the text is UTF-16 or UTF-32, not UTF-8'),
    ("nul", 2, 8, 'a control character, U+0000, cannot stand in a document'),
    ("escape-sequence", 2, 7, 'a control character, U+001B, cannot stand in a document'),
    ("byte-order-mark-inside", 2, 8, 'a control character, U+FEFF, cannot stand in a document'),
    ("second-document", 2, 1, 'the document has ended before this'),
    ("text-after-the-end", 3, 1, 'the document has ended before this'),
    ("directive", 1, 1, 'directives (%) are not supported'),
    ("directive-below-a-comment", 3, 1, 'directives (%) are not supported'),
    ("empty", 1, 1, 'the document is empty'),
    ("only-comments", 1, 1, 'the document is empty'),
    ("only-byte-order-mark", 1, 1, 'the document is empty'),
    ("top-level-list", 1, 1, 'a mapping is expected at the top of a document, found a'),
    ("top-level-text", 1, 1, 'a mapping is expected at the top of a document, found'),
    ("many-faults", 1, 4, 'anchors are not supported, found &x'),
)
# fmt: on


@pytest.mark.parametrize(("name", "line", "column", "fragment"), EXPECTED, ids=[row[0] for row in EXPECTED])
def test_a_malformed_document_is_refused_at_the_place_of_its_fault(
    name: str, line: int, column: int, fragment: str
) -> None:
    with pytest.raises(DocumentError) as refused:
        read(CORPUS / f"{name}.yaml")
    first = refused.value.problems[0]
    assert (first.line, first.column, fragment in first.message) == (line, column, True)


def test_every_file_of_the_corpus_is_in_the_table() -> None:
    assert {path.stem for path in CORPUS.iterdir()} == {row[0] for row in EXPECTED}
