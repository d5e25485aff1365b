"""The launcher; it must not be imported before it is used."""

from cmcore_echo.options import EchoOptions


class EchoLauncher:
    """Keeps its options."""

    def __init__(self, options: EchoOptions) -> None:
        self.options = options
