"""A pipeline of three nodes: who is greeted, the greeting, its length. Parameters make it fail or wait."""

import os
import subprocess
import sys
import time
from pathlib import Path

from cmcore import Context, InputArtifact, OutputArtifact, OutputDict, Parameter, component, pipeline
from cmcore.artifacts import String
from cmcore.artifacts.standard import Examples


@component
def name(who: Parameter[str], examples: OutputArtifact[Examples]):
    (examples.path / "name.txt").write_text(who)


@component
def greeting(examples: InputArtifact[Examples], mode: Parameter[str], context: Context) -> OutputDict(text=str):
    context.progress(1, 2, "halfway")
    context.metric("politeness", 0.5)
    print("the greeting is being written")
    if mode == "fail":
        raise ValueError("no words\nat all")
    if mode == "wait":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path("pids").write_text(f"{os.getpid()} {child.pid}")
        time.sleep(60)
    return {"text": f"Hello {(examples.path / 'name.txt').read_text()}"}


@component
def length(text: InputArtifact[String]) -> OutputDict(letters=int):
    return {"letters": len(text.read())}


@pipeline
def greet(who: str = "world", mode: str = "greet"):
    named = name(who=who)
    greeted = greeting(examples=named.examples, mode=mode)
    length(text=greeted.text)
