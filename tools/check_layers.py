#!/usr/bin/env python3
"""Fail when a folder includes a folder it may not use.

The table is the design: docs/design/layers.md explains it, this enforces it.
"""
import pathlib
import re
import sys

MAY_USE = {
    "base": set(),
    "schema": {"base"},
    "signing": {"base"},
    "http": {"base"},
    "sqlite": {"base"},
    "journal": {"base", "sqlite"},
    "gate": {"base", "schema", "signing", "journal"},
    "imaging": {"base"},
    "host": {"base", "schema", "gate"},
    "drivers": {"base", "schema", "host", "gate", "imaging", "http"},
    "reconcilers": {"base", "schema", "journal", "gate", "host"},
    "jobs": {"base", "schema", "signing", "journal", "gate"},
    "helper": {"base", "schema", "signing"},
    "update": {"base", "signing"},
    "hubclient": {"base", "schema", "http"},
    "api": {"base", "schema", "http"},
    "hub": {"base", "schema", "signing", "http", "sqlite"},
    "cli": {"base", "schema", "signing", "journal", "http", "imaging"},
}
MAY_USE["controller"] = set(MAY_USE) - {"hub", "cli", "helper", "update", "sqlite"}
# Makes a signature's word out of nothing: for the folder that verifies, and for tests.
PRIVATE = {"jobs/authority_issuer.hpp"}
INCLUDE = re.compile(r'^\s*#include "([a-z_]+)/')


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    bad = []
    for layer, allowed in MAY_USE.items():
        for path in sorted((root / layer).rglob("*.[ch]pp")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                used = INCLUDE.match(line)
                if used and used[1] != layer and any(f'"{name}"' in line for name in PRIVATE):
                    bad.append(f"{path.relative_to(root)}:{number}: {line.strip()} is private")
                if used and used[1] != layer and used[1] not in allowed:
                    bad.append(f"{path.relative_to(root)}:{number}: {layer} may not use {used[1]}")
    print("\n".join(bad) or "layers: ok")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
