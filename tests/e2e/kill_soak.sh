#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the daemon at N random moments: tests/e2e/kill_soak.sh BUILD_DIR [N]
# The seed is printed; HOLDFAST_SEED=... draws the same edits and moments again.
set -eu
[ $# -ge 1 ] || { sed -n '3,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
exec "$(dirname "${BASH_SOURCE[0]}")/in_sandbox.sh" "$1" kill_soak.py --rounds "${2:-50}"
