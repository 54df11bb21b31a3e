#!/usr/bin/env bash
# The service, and a local Prometheus that scrapes it with our rules; Ctrl-C or TERM stops both.
#   .ci/monitor.sh COMMAND ...    COMMAND starts the service: groupnl serve, with its usual ports
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(.ci/prometheus.sh)
data=.tools/prometheus-data
# TorchServe's frontend has metrics of its own.
config=serving_config/prometheus/prometheus.yml
[[ " $* " == *" --server torchserve "* ]] && config=serving_config/prometheus/torchserve.yml
log=logs/prometheus.log
url=http://127.0.0.1:9090
# Debian's program has its pages beside itself, not inside: it looks for them where root would have installed them, and
# shows the old ones only.
assets=()
pages=$url
web=${tools%/bin}/share/prometheus/web
if [[ -d $web/templates ]] && "$tools/prometheus" --help 2>&1 | grep -q -e --web.local-assets; then
    assets=("--web.local-assets=$web")
    pages=$url/classic
fi
mkdir -p "$data" "${log%/*}"

"$tools/prometheus" --config.file="$config" --storage.tsdb.path="$data" \
    --web.listen-address="${url#http://}" ${assets[@]+"${assets[@]}"} >"$log" 2>&1 &
prometheus=$!
sleep 2
if ! kill -0 "$prometheus" 2>/dev/null; then
    echo "Prometheus ended by itself. The end of $log:" >&2
    tail -n 3 "$log" >&2
    exit 1
fi
echo "Prometheus: $url (alerts: $pages/alerts, rules: $pages/rules); its log: $log"
echo "Grafana is not started here: serving_config/compose.yaml does that"

# In the background, so that a signal reaches this shell at once.
"$@" &
service=$!
trap 'kill -TERM "$service" 2>/dev/null || true' INT TERM
status=0
wait "$service" || status=$?
# A signal ends the first wait, and the service still has to stop.
while kill -0 "$service" 2>/dev/null; do
    wait "$service" && status=0 || status=$?
done
kill -TERM "$prometheus" 2>/dev/null || true
wait "$prometheus" || true
exit "$status"
