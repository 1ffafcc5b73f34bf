#!/usr/bin/env bash
# Open the viewer; where there is no display, run the tour in a virtual one and say where the pictures are.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname -s)" != Linux ]; then
  exec .venv/bin/triscope view "$@"
fi
out="${OUT:-triscope-demo}"
echo "No display here: running the tour instead (pictures go to $out/)."
scripts/bootstrap.sh display
exec .venv/bin/triscope demo "$@" --out "$out"
