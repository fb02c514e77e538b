# SPDX-License-Identifier: Apache-2.0
"""Runs the cases of one end-to-end script in order, each a sentence, and says what each took.

Cases share one world, since a guest takes seconds to boot; the first that fails ends the script."""

import argparse
import sys
import time
import traceback

CASES = []


def case(sentence):
    """Registers the function below it. Each takes the world."""
    def register(function):
        CASES.append((sentence, function))
        return function
    return register


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", required=True, help="build directory with controller/holdfastd")
    parser.add_argument("--image", required=True, help="the tiny golden image")
    return parser


def run(world):
    """Runs every registered case; exits 1 when one fails."""
    started = time.monotonic()
    with world:
        for sentence, function in CASES:
            began = time.monotonic()
            try:
                function(world)
            except (AssertionError, SystemExit, OSError, LookupError, ValueError) as error:
                print(f"FAIL  {time.monotonic() - began:7.1f} s  {sentence}", flush=True)
                traceback.print_exc(file=sys.stdout)
                print(f"      {error}", flush=True)
                sys.exit(1)
            print(f"ok    {time.monotonic() - began:7.1f} s  {sentence}", flush=True)
    print(f"all {len(CASES)} cases hold, {time.monotonic() - started:.0f} s", flush=True)
