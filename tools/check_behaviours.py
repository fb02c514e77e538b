#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when docs/behaviours.md or docs/threat-model.md names a test that does not exist, or a
promise or threat has none.

A row of a table is a promise; its last column holds test names in back-ticks. With a build
directory as argument the names are looked up in what ctest lists there; without one, in
the sources.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ("docs/behaviours.md", "docs/threat-model.md")
HEADINGS = ("proved by", "shown by")


def listed_by_ctest(build: str) -> set[str]:
    answer = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                            check=True, capture_output=True, text=True).stdout
    return {test["name"] for test in json.loads(answer)["tests"]}


def written_in_sources() -> set[str]:
    names = set()
    case = re.compile(r'TEST_CASE(?:_METHOD)?\((?:\w+,)?\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
    for path in (ROOT / "tests").rglob("*.cpp"):
        for match in case.finditer(path.read_text()):
            names.add("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match[1])))
    for path in (ROOT / "tests").rglob("CMakeLists.txt"):
        names.update(re.findall(r'(?:NAME|holdfast_e2e\(|set\(\w+)\s*"([^"]+)"', path.read_text()))
    return names


def main() -> int:
    known = listed_by_ctest(sys.argv[1]) if len(sys.argv) > 1 else written_in_sources()
    bad, promises = [], 0
    for page in PAGES:
        for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not line.startswith("|") or set(line) <= set("|-: ") or cells[-1] in HEADINGS:
                continue
            promises += 1
            tests = re.findall(r"`([^`]+)`", cells[-1])
            if not tests and not cells[-1].startswith(("the same (case", "above")):
                bad.append(f"{page}:{number}: no test proves this")
            bad += [f"{page}:{number}: no test named '{t}'" for t in tests if t not in known]
    print("\n".join(bad) or f"behaviours: ok ({promises} promises and threats)")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
