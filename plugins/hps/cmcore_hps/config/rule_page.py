"""The page of all rules, as Markdown; a test keeps `docs/reference/hps-rules.md` the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cmcore_hps.config.dialect import Dialect
from cmcore_hps.config.rule import Rule
from cmcore_hps.config.rules_of_server import SERVER_RULES
from cmcore_hps.config.rules_of_triton import TRITON_RULES

HEAD = """# Rules of HugeCTR and HPS configurations

<!-- written by `CM_GOLDEN=1 pytest plugins/hps/tests/config/test_rule_page.py`: change the rules, not this page -->

`cmcore_hps.config.checked` holds a `ps.json`, a `config.pbtxt` and a `network.json` to these rules, each file alone
and all together. An **error** is what a reader refuses, dies of, or leaves undefined, and no writer can mend. A
**warning** is what the strict export has mended, what a reader ignores or changes without a word, or what its makers
advise against.

Who reads the files, and what becomes of a loosely written `ps.json`:

- `hugectr-3.5`, the HugeCTR backend of Triton, deprecated since 23.09: it reads `"1024"` for 1024 and refuses unknown
  words.
- `hps-4`, the HPS backend of Triton: it hands the file to the library when the server starts, reads it itself,
  tolerantly, on later loads, and drops what it then finds wrong.
- `hps-lib-24.06`, the HPS library, also inside TensorFlow, PyTorch and TensorRT: it refuses wrong types, and takes its
  default for unknown words.

The dialect is the one that `backend:` in `config.pbtxt` names, unless another is asked for. The last column says in
which file of NVIDIA's sources the rule was read; "ours" means that no reader checks it.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [HEAD, *section("`ps.json`", SERVER_RULES), *section("`config.pbtxt` and the network", TRITON_RULES)]
    )


def section(title: str, rules: Sequence[Rule]) -> Iterator[str]:
    """One table."""
    yield f"## {title}\n"
    yield "| rule | | what must be | dialects | read in |"
    yield "|---|---|---|---|---|"
    for rule in rules:
        dialects = (
            "all" if set(rule.dialects) == set(Dialect) else ", ".join(f"`{each.value}`" for each in rule.dialects)
        )
        says = rule.says.replace("|", "\\|")
        yield f"| `{rule.id}` | {rule.severity.value} | {says} | {dialects} | {rule.source} |"
    yield ""
