"""The composition root: a project's folder and settings in, wired objects out. The only place that knows everybody."""

from cmcore.stack.carrying import RunOptions as RunOptions
from cmcore.stack.project import Project as Project
