# SPDX-License-Identifier: Apache-2.0
"""What the demos are told with: chapters, words, and commands with their real output."""

import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time

IS_TERMINAL = sys.stdout.isatty()


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if IS_TERMINAL else text


class Stage:
    """Runs real commands, shows them as typed with their real output, and checks how they end."""

    def __init__(self, world):
        self.world = world
        self.began = time.monotonic()
        self.environment = dict(os.environ)
        folders = [os.path.dirname(program) for program in (world.cli_program, world.daemon_program,
                                                            world.hub_program)]
        self.set("PATH", ":".join([*folders, os.environ["PATH"]]))
        self.set("HOLDFAST_SOCKET", world.socket)

    def set(self, name, value):
        """So that the commands read as they would on a host, and can be typed after KEEP=1."""
        self.environment[name] = value
        with open(os.path.join(self.world.folder, "env"), "a", encoding="utf-8") as file:
            file.write(f"export {name}={shlex.quote(value)}\n")

    def chapter(self, title):
        print(f"\n{paint('1;36', f'== {title}')}  {paint('2', f'[{time.monotonic() - self.began:.0f} s]')}",
              flush=True)

    def tell(self, text):
        print(textwrap.fill(" ".join(text.split()), 96), flush=True)

    def run(self, command, expect=0, show=True):
        """One shell command as typed, its real output, its checked exit status."""
        if show:
            print(f"{paint('1', '$ ' + command)}", flush=True)
        done = subprocess.run(command, shell=True, executable="/bin/bash", cwd=self.world.folder,
                              env=self.environment, text=True, check=False,
                              stdout=None if show and IS_TERMINAL else subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if show and done.stdout:
            print(done.stdout, end="", flush=True)
        if done.returncode != expect:
            raise AssertionError(f"'{command}' ended with {done.returncode}, not {expect}: {done.stdout}")
        return done.stdout or ""

    def end(self):
        print(f"\n{paint('1;32', f'Done in {time.monotonic() - self.began:.0f} s.')}", flush=True)


def keep(world, ended):
    """Leaves everything running; `ended` tells the script that waits where to look."""
    with open(ended, "w", encoding="utf-8") as file:
        file.write(world.folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        signal.pause()
