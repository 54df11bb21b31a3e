# Sourced by the scripts that print where a program is: that of the path, else one that is fetched into .tools/ without
# root. They set `name` and `install` (what people are told to do), say how it is fetched (`fetch`), and end with
# `print_fetched`. What they do is told on stderr.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$PWD/.tools

fail() {
    echo "$name is not on the path, and $1; install it$install" >&2
    exit 1
}

# print_fetched WHAT PROGRAM OPTION ...: fetches the program if it is not there, sees that it runs, and prints WHAT.
print_fetched() {
    local what=$1
    shift
    if [[ ! -x $1 ]]; then
        echo "fetching $name into .tools/" >&2
        fetch
    fi
    "$@" >/dev/null 2>&1 || fail "the fetched one does not run on this machine"
    echo "$what"
}

# fetch_debian FOLDER PACKAGE ...: unpacks packages of Debian into a folder of .tools/, and those in `extras` if it can.
fetch_debian() {
    local folder=$tools/$1 work=$tools/$1.packages private package
    shift
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || fail "this system has no apt-get to fetch it with"
    mkdir -p "$work"/{lists/partial,cache/archives/partial} "$folder"
    private=(-qq -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=
        -o "Dir::State::status=/var/lib/dpkg/status")
    apt-get "${private[@]}" update >&2 || fail "apt-get update failed"
    (cd "$work" && apt-get "${private[@]}" download "$@" >&2) || fail "apt-get could not fetch it"
    if [[ -n ${extras-} ]]; then
        (cd "$work" && apt-get "${private[@]}" download "${extras[@]}" >&2) || echo "without ${extras[*]}" >&2
    fi
    for package in "$work"/*.deb; do
        dpkg -x "$package" "$folder" >&2 || fail "the package ${package##*/} could not be unpacked"
    done
    rm -rf "$work"
}
