#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bench/run.sh BUILD_DIR. Everything that docs/performance.md quotes, in one go.
set -eu
cd "$(dirname "$0")/.."
build=$(realpath "$1")
sandbox=tests/sandbox/libvirt_sandbox.sh
echo "== journal"; "$build/bench/journal_bench"
if [ -x "$build/bench/job_bench" ]; then echo "== signed jobs"; "$build/bench/job_bench"; fi
echo "== no-change pass, test:///default"; "$build/bench/pass_bench" test:///default 10 100 300
echo "== no-change pass, QEMU"; "$sandbox" "$build/bench/pass_bench" qemu:///system 10 100 300
if [ -x "$build/bench/proxmox_pass" ]; then
  echo "== no-change pass, Proxmox"; "$build/bench/proxmox_pass" 20 10 100 300
fi
echo "== edit at the hub to effect at the host"
python3 tests/e2e/hub_test.py "$build" --only-edits --edits 60
echo "== idle daemon"; "$sandbox" bench/idle.sh "$build" 100 120
if [ -x "$build/bench/sim_bench" ]; then echo "== simulated host-days"; "$build/bench/sim_bench"; fi
echo "== hub"; bench/hub/run.sh "$build"
echo "== images"; bench/imaging.py "$build"
