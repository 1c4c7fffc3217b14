"""The README's workflow and compose file: they are YAML, and ask for what the commands and the image offer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from scripts.readme import README
from tests.typed import calls, parse

ROOT = Path(__file__).parent.parent
TEXT = README.read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def block(chapter: str) -> dict[Any, Any]:
    """What stands in the YAML of a chapter."""
    text = TEXT.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    (found,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    loaded = yaml.safe_load(found)
    assert isinstance(loaded, dict)
    return loaded


WORKFLOW = block("In continuous integration")
STEPS: list[dict[str, Any]] = WORKFLOW["jobs"]["tcp"]["steps"]
SERVICES: dict[str, dict[str, Any]] = block("In containers")["services"]


def test_the_workflow_runs_when_something_is_pushed() -> None:
    # YAML 1.1 takes the word "on" for true.
    assert WORKFLOW[True] == ["push", "pull_request"]
    assert WORKFLOW["jobs"]["tcp"]["runs-on"].startswith("ubuntu-")


def test_a_step_either_uses_or_runs() -> None:
    for step in STEPS:
        assert ("uses" in step) != ("run" in step)
        assert step.keys() <= {"name", "uses", "with", "run", "if"}


def test_what_the_workflow_calls_is_understood() -> None:
    lines = [line for step in STEPS for line in step.get("run", "").splitlines()]
    assert [parse(arguments) for line in lines for arguments in calls(line)] == ["verify", "sniff", "check"]


def test_it_installs_as_the_readme_says() -> None:
    (install,) = (step["run"] for step in STEPS if step.get("name") == "Install rawshake")
    told = TEXT.partition("\n## Installing\n")[2].partition("```\n")[2].partition("```")[0]
    assert told.startswith(install.replace("./rawshake", "."))


def test_what_is_kept_is_what_was_written() -> None:
    runs = " ".join(step.get("run", "") for step in STEPS)
    written = re.findall(r"--(?:junit|json|html|pcap) (\S+)", runs)
    (kept,) = (step["with"]["path"].split() for step in STEPS if "upload-artifact" in step.get("uses", ""))
    assert written
    for name in written:
        assert any(Path(name).match(pattern) for pattern in kept)


def test_the_image_is_built_from_what_is_here() -> None:
    assert SERVICES["rawshake"]["build"] == "."
    assert all(
        (ROOT / name).exists()
        for line in re.findall(r"^COPY ([^-].*) \S+$", DOCKERFILE, re.MULTILINE)
        for name in line.split()
    )


def test_the_compose_file_s_command_goes_to_the_image_s_entrypoint() -> None:
    (entrypoint,) = re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)
    assert json.loads(entrypoint) == ["rawshake"]
    service = SERVICES["rawshake"]
    assert "entrypoint" not in service
    assert calls(f"rawshake {service['command']}")
    assert parse(service["command"].split()) == "verify"


def test_it_has_no_more_than_it_needs() -> None:
    # tests/live/test_guard.py shows that the guard can be had with this alone.
    service = SERVICES["rawshake"]
    assert (service["cap_drop"], service["cap_add"]) == (["ALL"], ["NET_RAW"])
    assert "privileged" not in service
    assert not re.search(r"^USER ", DOCKERFILE, re.MULTILINE), "who is not root has no capability at all"


def test_its_services_know_each_other() -> None:
    service = SERVICES["rawshake"]
    assert set(service["depends_on"]) <= SERVICES.keys() - {"rawshake"}
    assert service["command"].split()[1] in service["depends_on"]
    assert any(volume.endswith(f":{service['working_dir']}") for volume in service["volumes"])
