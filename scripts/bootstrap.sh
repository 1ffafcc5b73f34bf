#!/usr/bin/env bash
# Sets up what a level needs and writes a stamp, so that make does not come here again until pyproject.toml changes.
#   bootstrap.sh run       system libraries of the window, .venv, triscope in it
#   bootstrap.sh dev       the same, the virtual display and the test tools
#   bootstrap.sh display   only the virtual display (Xvfb), where no real one is
# Environment: PYTHON (interpreter to build .venv with), TRISCOPE_PIP_ARGS (more arguments for pip), TRISCOPE_OWN_TORCH=0 (leave aside the
# PyTorch that the interpreter has already; it is used otherwise, whatever build it is).
set -euo pipefail
cd "$(dirname "$0")/.."
root="$(pwd)"
level="${1:-run}"
venv=".venv"

say() { printf 'triscope: %s\n' "$*"; }
die() { printf 'triscope: %s\n' "$*" >&2; exit 1; }

# Shared libraries that the window loads at run time, with the Debian/Ubuntu package of each.
LIBRARIES="libX11.so.6:libx11-6 libXext.so.6:libxext6 libXcursor.so.1:libxcursor1 libXrandr.so.2:libxrandr2
libXinerama.so.1:libxinerama1 libXi.so.6:libxi6 libxkbcommon.so.0:libxkbcommon0 libGL.so.1:libgl1
libEGL.so.1:libegl1 libGLX_mesa.so.0:libglx-mesa0 libEGL_mesa.so.0:libegl-mesa0"

missing_libraries() {
  [ "$(uname -s)" = Linux ] || return 0
  local known entry
  known="$( (ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null) || true)"
  for entry in $LIBRARIES; do
    case "$known" in *"${entry%%:*} "*) ;; *) echo "${entry##*:}" ;; esac
  done
  # Mesa's software driver is a plug-in that ldconfig does not list.
  compgen -G '/usr/lib/*/dri/*_dri.so' >/dev/null || compgen -G '/usr/lib*/dri/*_dri.so' >/dev/null ||
    compgen -G '/usr/lib/*/libgallium*.so' >/dev/null || echo libgl1-mesa-dri
}

missing_display() {
  [ "$(uname -s)" = Linux ] || return 0
  command -v Xvfb >/dev/null || echo xvfb
}

apt_updated=""
# apt_install PACKAGE...: installs, or says the exact command and fails.
apt_install() {
  [ "$#" -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    die "missing system packages; install what your system calls: $*"
  elif [ "$(id -u)" -ne 0 ]; then
    die "missing system packages; run:  sudo apt-get install -y --no-install-recommends $*"
  fi
  say "installing system packages: $*"
  if [ -z "$apt_updated" ]; then
    apt-get update -qq </dev/null || say "apt-get update failed; trying with the package lists at hand"
    apt_updated=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null ||
    die "apt-get install failed; run by hand:  apt-get install -y --no-install-recommends $*"
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local name
  if [ -n "${PYTHON:-}" ]; then
    is_new_enough "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.11 or newer"
    echo "$PYTHON"
    return
  fi
  # Those first for which every package has a wheel; newer ones lack textured meshes at most (pyproject.toml).
  for name in python3.12 python3.11 python3.13 python3.14 python3 python; do
    if command -v "$name" >/dev/null && is_new_enough "$name"; then
      echo "$name"
      return
    fi
  done
  die "no Python 3.11 or newer found; install one (apt-get install python3 python3-venv) or set PYTHON=/path/to/python"
}

make_venv() {
  if [ -x "$venv/bin/python" ] && is_new_enough "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    # A copied tree: its scripts still point at the old place.
    if [ ! -e "$venv/.triscope-root" ] || [ "$(cat "$venv/.triscope-root")" = "$root" ]; then
      return 0
    fi
    say "this tree was moved or copied: making $venv anew"
  fi
  local python version
  python="$(find_python)"
  rm -rf "$venv"
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    if [ "$("$python" -c 'import sys; print(sys.prefix)')" = /usr ] && command -v apt-get >/dev/null; then
      apt_install "python$version-venv"
    else
      die "$python cannot make virtual environments (no ensurepip); install its venv module or set PYTHON"
    fi
  fi
  local own=()
  if [ "${TRISCOPE_OWN_TORCH:-1}" != 0 ] && "$python" scripts/requirements_met.py --torch >/dev/null 2>&1; then
    say "using the PyTorch of $python (TRISCOPE_OWN_TORCH=0 installs another)"
    own=(--system-site-packages)
  fi
  say "making $venv with $("$python" --version)"
  "$python" -m venv ${own[@]+"${own[@]}"} "$venv"
}

# pip_progress ARGUMENT...: pip with its progress bars on a terminal, elsewhere a line for each file that it fetches.
pip_progress() {
  # shellcheck disable=SC2086
  set -- "$venv/bin/python" -m pip install --disable-pip-version-check --no-input ${TRISCOPE_PIP_ARGS:-} "$@"
  if [ -t 1 ]; then
    "$@" </dev/null
  else
    "$@" --progress-bar off </dev/null |
      { grep --line-buffered -vE '^(Requirement already satisfied|Collecting |Looking in |  Created wheel|  Stored in )|[.]metadata \(|: started$' || true; }
  fi
}

# pip_install EXTRA...: installs this checkout in editable form, unless everything is there already.
pip_install() {
  local target="."
  if "$venv/bin/python" scripts/requirements_met.py "$@" >/dev/null; then
    return 0
  fi
  [ "$#" -gt 0 ] && target=".[$(IFS=,; echo "$*")]"
  say "installing triscope and what it needs into $venv (some minutes the first time)"
  pip_progress -e "$target" ||
    die "pip install failed (see above); it is safe to run the same command again"
}

# Lists of packages are split into words on purpose (and arrays would need a newer bash than macOS has).
# shellcheck disable=SC2046
case "$level" in
  run)
    apt_install $(missing_libraries)
    make_venv
    pip_install all
    ;;
  dev)
    apt_install $(missing_libraries) $(missing_display)
    make_venv
    pip_install dev
    ;;
  display)
    [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && exit 0
    apt_install $(missing_display)
    exit 0
    ;;
  *) die "unknown level $level: expected run, dev or display" ;;
esac

echo "$root" >"$venv/.triscope-root"
touch "$venv/.triscope-run"
[ "$level" = dev ] && touch "$venv/.triscope-dev"
exit 0
