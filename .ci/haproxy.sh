#!/usr/bin/env bash
# Prints the program haproxy: that of the path, else Debian's, which is fetched with the libraries that it loads.
name=haproxy
install=", for example: sudo apt-get install haproxy"
source "$(dirname "$0")/program.sh"
command -v haproxy && exit
program=$tools/haproxy/run

fetch() {
    local libraries
    fetch_debian haproxy haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1 libpcre2-8-0 libsystemd0
    libraries=$(echo "$tools"/haproxy/{usr/,}lib/*-linux-gnu | tr ' ' :)
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$libraries" "$tools/haproxy/usr/sbin/haproxy" >"$program"
    chmod +x "$program"
}

print_fetched "$program" "$program" -v
