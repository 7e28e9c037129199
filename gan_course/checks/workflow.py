"""Would a hosted CI run this workflow? The rules for branches, for one event at a time."""

from __future__ import annotations

import re
from typing import Any

import yaml

from gan_course.errors import CourseError


def runs_on(workflow: str, event: str, branch: str) -> bool:
    """Whether an event on a branch starts the workflow.

    Args:
        workflow: the text of a workflow file in YAML, as GitHub Actions reads it.
        event: "push" or "pull_request".
        branch: the branch that was pushed to, or that the pull request goes to.

    Raises:
        CourseError: if the text is no workflow: not YAML, or without ``on:`` or ``jobs:``.

    Only branch filters are looked at: ``branches`` and ``branches-ignore``. In a pattern ``*``
    stands for any characters but a slash, ``**`` for any characters, ``?`` and ``+`` repeat the
    character before them, and a leading ``!`` takes out again what earlier patterns let in.

    Source: the workflow syntax for GitHub Actions, "on.push.branches" and "filter pattern".
    """
    document = read_workflow(workflow)
    events = document["on"]
    if isinstance(events, str):
        events = [events]
    if not isinstance(events, list | dict):
        raise CourseError(
            f"`on:` says {events!r}, which is no event. Write for example `on: push`."
        )
    if event not in events:
        return False
    filters = (events[event] if isinstance(events, dict) else None) or {}
    if not isinstance(filters, dict):
        raise CourseError(f"Below `{event}:` stands {filters!r}; a list of branches needs a name.")
    if "branches" in filters:
        return _lets_in(_patterns(filters["branches"]), branch)
    if "branches-ignore" in filters:
        return not _lets_in(_patterns(filters["branches-ignore"]), branch)
    return not {"tags", "tags-ignore"} & set(filters)  # tags alone: no branch starts it


def read_workflow(workflow: str) -> dict[str, Any]:
    """The workflow as a dict with the entries "on" and "jobs". Errors as in ``runs_on``."""
    try:
        document = yaml.safe_load(workflow)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" near its line {where.line + 1}" if where else ""
        raise CourseError(f"The workflow is not YAML{line}. Mind the spaces and colons.") from None
    if not isinstance(document, dict):
        raise CourseError("The text is no workflow: it should begin with `on:`.")
    # YAML 1.1 reads the bare word `on` as True.
    document = {"on" if key is True else key: value for key, value in document.items()}
    for entry in ("on", "jobs"):
        if not document.get(entry):
            raise CourseError(f"The workflow has no `{entry}:`.")
    return document


def _patterns(value: Any) -> list[str]:
    return [str(entry) for entry in (value if isinstance(value, list) else [value])]


def _lets_in(patterns: list[str], branch: str) -> bool:
    """The last pattern that fits decides."""
    inside = False
    for pattern in patterns:
        taken_out = pattern.startswith("!")
        try:
            fits = re.fullmatch(_as_regex(pattern.removeprefix("!")), branch)
        except re.error:
            raise CourseError(
                f"{pattern!r} is no pattern for branches: mind ?, + and []."
            ) from None
        if fits:
            inside = not taken_out
    return inside


def _as_regex(pattern: str) -> str:
    parts = {"**": ".*", "*": "[^/]*", "?": "?", "+": "+"}
    return "".join(
        parts.get(piece) or (piece if piece.startswith("[") else re.escape(piece))
        for piece in re.findall(r"\*\*|\[[^\]]+\]|.", pattern)
    )
