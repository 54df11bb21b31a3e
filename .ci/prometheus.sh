#!/usr/bin/env bash
# Prints the folder that holds the programs prometheus and promtool: that of the path, else Debian's package, which is
# fetched into .tools/ without root, with what its web pages load. What it does is told on stderr.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/.tools
installed=$tools/prometheus/usr/bin
pages=(fonts-glyphicons-halflings libjs-bootstrap4 libjs-d3 libjs-eonasdan-bootstrap-datetimepicker libjs-jquery
    libjs-jquery-hotkeys libjs-moment libjs-moment-timezone libjs-mustache libjs-popper.js libjs-rickshaw)

fail() {
    echo "prometheus is not on the path, and $1; install it, for example: sudo apt-get install prometheus" >&2
    exit 1
}

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
    dirname "$(command -v promtool)"
    exit
fi
if [[ ! -x $installed/promtool ]]; then
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || fail "this system has no apt-get to fetch it with"
    echo "fetching Debian's prometheus into .tools/" >&2
    mkdir -p "$tools"/apt/{lists/partial,cache/archives/partial} "$tools/prometheus"
    private=(-qq -o "Dir::State::lists=$tools/apt/lists" -o "Dir::Cache=$tools/apt/cache" -o APT::Sandbox::User=
        -o "Dir::State::status=/var/lib/dpkg/status")
    apt-get "${private[@]}" update >&2 || fail "apt-get update failed"
    (cd "$tools/apt" && apt-get "${private[@]}" download prometheus >&2) || fail "apt-get could not fetch it"
    (cd "$tools/apt" && apt-get "${private[@]}" download "${pages[@]}" >&2) || echo "its web pages will be bare" >&2
    for package in "$tools"/apt/*.deb; do
        dpkg -x "$package" "$tools/prometheus" >&2 || fail "the package ${package##*/} could not be unpacked"
    done
    rm -rf "$tools/apt"
fi
"$installed/promtool" --version >/dev/null 2>&1 || fail "the fetched one does not run on this machine"
echo "$installed"
