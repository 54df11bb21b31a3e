#!/usr/bin/env bash
# Prints the folder that holds the programs prometheus and promtool: that of the path, else Debian's, which are fetched
# with what their web pages load.
name=prometheus
install=", for example: sudo apt-get install prometheus"
source "$(dirname "$0")/program.sh"
if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
    dirname "$(command -v promtool)"
    exit
fi
programs=$tools/prometheus/usr/bin

fetch() {
    extras=(fonts-glyphicons-halflings libjs-bootstrap4 libjs-d3 libjs-eonasdan-bootstrap-datetimepicker libjs-jquery
        libjs-jquery-hotkeys libjs-moment libjs-moment-timezone libjs-mustache libjs-popper.js libjs-rickshaw)
    fetch_debian prometheus prometheus
}

print_fetched "$programs" "$programs/promtool" --version
