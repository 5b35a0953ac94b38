#!/usr/bin/env bash
# Makes .venv and installs ThorInteract into it, with the system libraries it needs. Called by make.
#
# Running it again takes a moment: a stamp in .venv records what was installed, and is written last, so an
# interrupted set-up is simply continued. Environment: PYTHON chooses the interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What the demo and the test suite use: AI2-THOR's client (not its build) and Ray, too, are tested.
extras="baselines,cluster,dev,docs,fast,human,meshes,records,report,thor"
venv=".venv"

fail() {
    echo "Set-up stopped: $*" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Python's own default when it is new enough (it is the one the system's packages are made for), else the newest.
choose_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || fail "PYTHON is '$PYTHON', which is not a Python 3.11 or newer; please name one that is."
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.{19..11}; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "please install Python 3.11 or newer (found: $(python3 --version 2>/dev/null || echo no python3))."
}

# apt_install WHY PACKAGE...
apt_install() {
    local why=$1
    shift
    local as_root=()
    command -v apt-get >/dev/null ||
        fail "$why; please install what Debian calls $* with this system's package manager, then run make again."
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || fail "$why; please run 'sudo apt-get install $*', then run make again."
        as_root=(sudo -n)
    fi
    echo "$why: installing $* through apt."
    # A stale third-party list must not stop us; the installation itself must succeed.
    "${as_root[@]}" apt-get update -qq || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        fail "$why, and 'apt-get install $*' failed; please install them by hand, then run make again."
}

if [ -x "$venv/bin/python" ] && [ -z "${PYTHON:-}" ] && new_enough "$venv/bin/python"; then
    python="$venv/bin/python"
else
    python=$(choose_python)
fi

if ! "$python" tools/probe_opengl.py; then
    libraries=(libegl1 libgl1 libgl1-mesa-dri)
    [ "${MUJOCO_GL:-}" != osmesa ] || libraries=(libosmesa6)
    apt_install "MuJoCo has no OpenGL to draw with" "${libraries[@]}"
    "$python" tools/probe_opengl.py ||
        fail "OpenGL still does not work; please install a graphics driver with EGL, or libosmesa6, then run make again."
fi

# Another pyproject.toml, other extras, another place or another Python: install again.
wanted=$({ cat pyproject.toml; echo "$extras"; pwd; "$python" -c 'import sys; print(sys.version)'; } | sha256sum | cut -d ' ' -f 1)
stamp="$venv/.installed-$wanted"
if [ -e "$stamp" ] && new_enough "$venv/bin/python"; then
    exit 0
fi

same_version() {
    [ "$("$venv/bin/python" -c 'import sys; print(sys.version)' 2>/dev/null)" = "$("$python" -c 'import sys; print(sys.version)')" ]
}
if ! same_version || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    [ "$python" != "$venv/bin/python" ] || python=$(choose_python)
    if ! "$python" -c 'import ensurepip' >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")')
        apt_install "Python's venv module is incomplete" "python$version-venv"
    fi
    echo "Making $venv with $("$python" --version)."
    "$python" -m venv --clear "$venv" || fail "'$python -m venv' failed; its message is above."
fi

echo "Installing ThorInteract and its libraries into $venv; the first time this takes minutes (torch is large)."
rm -f "$venv"/.installed-*
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]" ||
    fail "pip could not install the libraries; its message is above."
touch "$stamp"
