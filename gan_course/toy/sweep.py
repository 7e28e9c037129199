"""Measure the presets again: ``python -m gan_course.toy.sweep [--seeds 12] [--preset NAME]``."""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from gan_course.errors import CourseError
from gan_course.toy.preset_runs import measure_preset
from gan_course.toy.presets import PRESETS, Preset

__all__ = ["main", "table"]


def table(preset: Preset, results: list[dict], title: str, rule_text: str) -> str:
    """Some lines of text: how often the rule held, and min / median / max of what it looks at."""
    held = sum(result["holds"] for result in results)
    lines = [f"{title}: {held} of {len(results)}  ({rule_text})"]
    for name in preset.shows:
        values = [result[name] for result in results]
        low, middle, high = min(values), statistics.median(values), max(values)
        lines.append(f"    {name:<26}{low:>10.4g} {middle:>10.4g} {high:>10.4g}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gan_course.toy.sweep",
        description="Run every preset and each of its repairs with many seeds. Columns: the "
        "smallest, the middle and the largest value over the seeds.",
    )
    parser.add_argument("--seeds", type=int, default=12, help="how many (default: 12)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first one (default: 0)")
    parser.add_argument("--preset", choices=list(PRESETS), help="only this one")
    parser.add_argument("--repair", help="only this repair of the preset")
    choices = parser.parse_args(arguments)
    if choices.seeds < 1 or choices.first_seed < 0:
        parser.error("--seeds must be at least 1, and --first-seed at least 0")
    if choices.repair and not choices.preset:
        parser.error("--repair needs --preset")
    seeds = range(choices.first_seed, choices.first_seed + choices.seeds)
    worst = 1.0
    for name in [choices.preset] if choices.preset else PRESETS:
        preset = PRESETS[name]
        if choices.repair:
            try:
                runs = [preset.repair(choices.repair)]
            except CourseError as error:
                parser.error(str(error))
        else:
            runs = [None, *preset.repairs]
        for repair in runs:
            started = time.perf_counter()
            results = measure_preset(name, seeds, repair.name if repair else None)
            what = repair or preset
            title = f"{name} + {repair.name}" if repair else name
            print(table(preset, results, title, what.rule_text))
            print(f"    {time.perf_counter() - started:.0f} s\n", flush=True)
            worst = min(worst, sum(result["holds"] for result in results) / len(results))
    return 0 if worst >= 11 / 12 else 1


if __name__ == "__main__":
    sys.exit(main())
