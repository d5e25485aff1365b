"""What even an allowed pickle must not import: whoever allows pickles allows models, not shells.

The standard library is refused but for what models are made of; other libraries have gadgets too, which no list can
name. So allowing pickles means trusting who made them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType

from cmcore.scanning.pickles import Trace

_BUILTINS = frozenset({
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set",
    "slice", "str", "tuple", "type", "ArithmeticError", "Ellipsis", "Exception", "KeyError", "NoneType",
    "NotImplemented", "TypeError", "ValueError",
})  # fmt: skip
DATA: Mapping[str, frozenset[str]] = MappingProxyType({
    "__builtin__": _BUILTINS | {"long", "unicode", "xrange"},
    "_codecs": frozenset({"encode"}),
    "array": frozenset({"array", "_array_reconstructor"}),
    "builtins": _BUILTINS,
    "collections": frozenset({"Counter", "OrderedDict", "defaultdict", "deque"}),
    "copy_reg": frozenset({"__newobj__", "_reconstructor"}),
    "copyreg": frozenset({"__newobj__", "__newobj_ex__", "_reconstructor"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "functools": frozenset({"partial"}),
    "pathlib": frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"}),
    "random": frozenset({"Random"}),
    "types": frozenset({"SimpleNamespace"}),
    "uuid": frozenset({"UUID"}),
})  # fmt: skip
CARRIERS = ("cloudpickle", "dill")
RUNNERS = ("numpy.f2py", "numpy.testing", "pip", "setuptools", "test", "IPython")
PYTHON_2 = ("__builtin__", "commands", "copy_reg", "httplib", "urllib2")
LIBRARIES = ("numpy", "scipy", "sklearn", "joblib", "torch", "pandas", "tensorflow", "keras", "xgboost", "lightgbm")


def gadgets(trace: Trace) -> list[str]:
    """The imports of a pickle that are no data of a model."""
    return [f"{module}.{name}" for module, name in dict.fromkeys(trace.imports) if not is_data(module, name)]


def believable(trace: Trace) -> bool:
    """Whether imports are of modules that exist nearly everywhere: in texts, two words on two lines look like one."""
    tops = {module.partition(".")[0] for module, _ in trace.imports}
    return bool(tops & {*sys.stdlib_module_names, *PYTHON_2, *LIBRARIES, *CARRIERS, *RUNNERS})


def brings_functions(trace: Trace) -> bool:
    """Whether a pickle has Python functions in it, as cloudpickle and dill write them."""
    return any(module.partition(".")[0] in CARRIERS for module, _ in trace.imports)


def is_data(module: str, name: str) -> bool:
    if "?" in (module, name) or any(module == each or module.startswith(each + ".") for each in RUNNERS):
        return False
    outer = name.partition(".")[0]
    if outer != name and not outer[:1].isupper():  # a.b reaches through a into whatever a has imported
        return False
    standard = module.partition(".")[0] in sys.stdlib_module_names or module in PYTHON_2
    return not standard or name in DATA.get(module, frozenset())
