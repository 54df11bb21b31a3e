#!/usr/bin/env bash
# Builds the image of the service, and says how large it is, part by part: docs/container.md.
#   .ci/image.sh [OPTION ...]    the options are those of the engine's build
# From the environment: ENGINE (docker, podman or buildah; else the first that works), IMAGE (its name), and the Dockerfile's
# DEVICE, EXTRAS and TORCH_INDEX; PYTHON for another python3. Where no registry answers, the base is made of Debian's packages.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${IMAGE:-groupnl-serve}
base=python:$(sed -n 's/^ARG PYTHON=//p' Dockerfile)
temporary=$(mktemp -d)
trap 'rm -rf --one-file-system "$temporary"' EXIT
export DEVICE=${DEVICE:-cpu}

say() { echo "image: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

find_engine() {
    local each
    for each in ${ENGINE:-docker podman buildah}; do
        if command -v "$each" >/dev/null && "$each" info >/dev/null 2>&1; then
            echo "$each"
            return
        fi
    done
    fail "no ${ENGINE:-Docker, Podman or buildah} works here; install one, for example: sudo apt-get install buildah debootstrap"
}

# The same Python of Debian 12, at the place and under the name that the Dockerfile asks for.
make_base() {
    local root=$temporary/base container
    [[ $base == python:3.11-slim ]] || fail "no registry answers, and of Debian's packages only python:3.11-slim can be made"
    [[ $(id -u) == 0 ]] && command -v debootstrap >/dev/null \
        || fail "no registry answers; making $base of Debian's packages needs root and debootstrap"
    say "no registry answers: $base is made of the packages of Debian 12"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-distutils,python3-venv bookworm "$root" \
        "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >&2
    ln -s python3.11 "$root/usr/bin/python"
    rm -rf "$root"/var/{lib/apt/lists,cache/apt,log}/* "$root"/usr/share/{doc,info,locale,man}/*
    if [[ $engine == buildah ]]; then
        container=$(buildah from scratch)
        buildah add --quiet "$container" "$root" / >&2
        buildah config --cmd python "$container"
        buildah commit --rm --quiet "$container" "$base" >&2
    else
        tar --create --one-file-system --directory "$root" . | "$engine" import --change 'CMD ["python"]' - "$base" >&2
    fi
    rm -rf --one-file-system "$root"
}

has_base() {
    if [[ $engine == buildah ]]; then
        buildah inspect --type image "$base"
    else
        "$engine" image inspect "$base"
    fi >/dev/null 2>&1
}

# PyPI's torchvision is compiled for a PyTorch with CUDA, and does not import beside another one.
add_torchvision() {
    local torch minor
    torch=$(find wheels -name 'torch-*.whl')
    [[ -n $torch && -z $(find wheels -name 'torchvision-*.whl') ]] || return 0
    minor=$(sed -E 's/.*torch-2\.([0-9]+)\..*/\1/' <<<"$torch")
    say "wheels/ has no torchvision: PyPI's is put there without what is compiled"
    "${PYTHON:-python3}" -m pip download --quiet --no-deps --only-binary :all: --dest "$temporary" "torchvision==0.$((minor + 15)).*" >&2
    "${PYTHON:-python3}" .ci/plain_torchvision.py "$temporary"/torchvision-*.whl wheels
}

build() {
    local name command=(build)
    [[ $engine == docker ]] || command+=(--format docker) # HEALTHCHECK is of Docker's format alone
    [[ $engine != buildah ]] || command+=(--isolation chroot)
    for name in DEVICE EXTRAS TORCH_INDEX; do
        [[ -z ${!name:-} ]] || command+=(--build-arg "$name=${!name}")
    done
    "$engine" "${command[@]}" --tag "$image" "$@" . >&2
}

# Runs a line of shell in the image, as root.
inside() {
    local container
    if [[ $engine == buildah ]]; then
        container=$(buildah from "$image")
        buildah run --isolation chroot --user 0 "$container" -- sh -c "$1"
        buildah rm "$container" >/dev/null
    else
        "$engine" run --rm --user 0 --network none --entrypoint sh "$image" -c "$1"
    fi
}

tell_size() {
    inside 'du -xsBMB / | sed "s|/$|in all|"; cd /opt/groupnl/lib/python3*/site-packages; du -xsBMB /usr /opt/model_store /opt/groupnl; du -xsBMB -- * | sort -rn | head -n 8'
}

engine=$(find_engine)
add_torchvision
has_base || "$engine" pull "docker.io/library/$base" >/dev/null 2>&1 || make_base
build "$@"
say "$image is built; unpacked it takes"
tell_size
