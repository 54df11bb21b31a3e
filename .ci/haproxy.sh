#!/usr/bin/env bash
# Prints the program haproxy: that of the path, else Debian's package, which is fetched into .tools/ without root, with the
# libraries that it loads. What it does is told on stderr.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/.tools
program=$tools/haproxy/run
packages=(haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1 libpcre2-8-0 libsystemd0)

fail() {
    echo "haproxy is not on the path, and $1; install it, for example: sudo apt-get install haproxy" >&2
    exit 1
}

if command -v haproxy; then
    exit
fi
if [[ ! -x $program ]]; then
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || fail "this system has no apt-get to fetch it with"
    echo "fetching Debian's haproxy into .tools/" >&2
    mkdir -p "$tools"/apt-haproxy/{lists/partial,cache/archives/partial} "$tools/haproxy"
    private=(-qq -o "Dir::State::lists=$tools/apt-haproxy/lists" -o "Dir::Cache=$tools/apt-haproxy/cache"
        -o APT::Sandbox::User= -o "Dir::State::status=/var/lib/dpkg/status")
    apt-get "${private[@]}" update >&2 || fail "apt-get update failed"
    (cd "$tools/apt-haproxy" && apt-get "${private[@]}" download "${packages[@]}" >&2) || fail "apt-get could not fetch it"
    for package in "$tools"/apt-haproxy/*.deb; do
        dpkg -x "$package" "$tools/haproxy" >&2 || fail "the package ${package##*/} could not be unpacked"
    done
    rm -rf "$tools/apt-haproxy"
    libraries=$(echo "$tools"/haproxy/{usr/,}lib/*-linux-gnu | tr ' ' :)
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$libraries" "$tools/haproxy/usr/sbin/haproxy" >"$program"
    chmod +x "$program"
fi
"$program" -v >/dev/null 2>&1 || fail "the fetched one does not run on this machine"
echo "$program"
