"""The plugin API: what a plugin's module imports, and nothing that acts.

Finding plugins is `cmcore.hooks.discovery`, feeding their observers `cmcore.hooks.observers`.
"""

from cmcore.hooks.provider import Kind as Kind
from cmcore.hooks.provider import Provider as Provider
from cmcore.hooks.specs import API_VERSION as API_VERSION
from cmcore.hooks.specs import PromotionRequest as PromotionRequest
from cmcore.hooks.specs import RunRequest as RunRequest
from cmcore.hooks.specs import hookimpl as hookimpl
