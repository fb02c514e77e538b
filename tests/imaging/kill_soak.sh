#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: tests/imaging/kill_soak.sh BUILD_DIR [COUNT]. Kills a restore at COUNT (200) random
# moments; each must end in a correct disk or a clean absence, and the next one must succeed.
set -eu
build=$(realpath "$1")
HOLDFAST_KILLS=${2:-200} exec "$build/tests/imaging/imaging_test" \
  "restore: killed at random moments it ends in a correct disk or a clean absence"
