#!/usr/bin/env bash
# Installs Chromium through apt for the tests that open pages in a browser. Called by make.
#
# Nothing else needs it, so where it cannot be installed the tests are skipped and say so; REQUIRE_BROWSER=1, which
# continuous integration sets, makes that a failure.
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
    ! command -v "$name" >/dev/null || exit 0
done
unavailable() {
    echo "No browser for the tests of pages: $1." >&2
    [ -z "${REQUIRE_BROWSER:-}" ] || exit 1
    exit 0
}
command -v apt-get >/dev/null || unavailable "please install Chromium with this system's package manager"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || unavailable "please run 'sudo apt-get install chromium'"
    as_root=(sudo -n)
fi
echo "Installing Chromium through apt, for the tests of pages."
"${as_root[@]}" apt-get update -qq || true
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null ||
    unavailable "'apt-get install chromium' failed"
