"""What the plugin gives: a launcher with options, an artifact type and a component."""

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1.0,<2"


@hookimpl
def cmcore_providers() -> list[Provider]:
    """Give one provider of three kinds."""
    return [
        Provider(
            kind="launcher",
            name="echo",
            factory="cmcore_echo.launcher:EchoLauncher",
            options="cmcore_echo.options:EchoOptions",
            summary="Says what it would launch",
        ),
        Provider(
            kind="artifact_type", name="Echo", factory="cmcore_echo.types:Echo", summary="Something that was said"
        ),
        Provider(kind="component", name="Say", spec="cmcore_echo:component_specs/Say.yaml", summary="Says a sentence"),
    ]
