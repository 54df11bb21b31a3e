#!/usr/bin/env bash
# Builds the image of the service, and says how large it is, part by part: docs/container.md.
#   .ci/image.sh [OPTION ...]    the options are those of the engine's build
# From the environment: ENGINE (docker, podman or buildah; else the first that works), IMAGE (its name), and the Dockerfile's
# BASE, DEVICE, EXTRAS and TORCH_INDEX; PYTHON for another python3. Where its base cannot be pulled, one is made of Debian's
# packages, under a name of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${IMAGE:-groupnl-serve}
official=$(sed -n 's/^ARG BASE=//p' Dockerfile)
made=localhost/groupnl-base:3.11
temporary=$(mktemp -d)
trap 'rm -rf --one-file-system "$temporary"' EXIT
export DEVICE=${DEVICE:-cpu} BASE=${BASE:-$official}

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

# Looks for the base, pulls it, or makes one that takes its place.
find_base() {
    local told
    ! has "$BASE" || return 0
    if told=$("$engine" pull "$BASE" 2>&1); then
        return
    fi
    say "$engine cannot pull $BASE: $(sed '/^\s*$/d' <<<"$told" | tail -n 1)"
    [[ $BASE == "$official" ]] || fail "no other base than $official can be made of Debian's packages"
    BASE=$made
    if has "$made"; then
        say "$made, which was made before, takes its place"
    else
        make_base
    fi
}

# The same Python of Debian 12, at the place that the Dockerfile asks for.
make_base() {
    local root=$temporary/base container
    [[ $(id -u) == 0 ]] && command -v debootstrap >/dev/null \
        || fail "making $made of Debian's packages in its place needs root and debootstrap"
    say "$made, made of the packages of Debian 12, takes its place"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-distutils,python3-venv bookworm "$root" \
        "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >&2
    ln -s python3.11 "$root/usr/bin/python"
    rm -rf "$root"/var/{lib/apt/lists,cache/apt,log}/* "$root"/usr/share/{doc,info,locale,man}/*
    if [[ $engine == buildah ]]; then
        container=$(buildah from scratch)
        buildah add --quiet "$container" "$root" / >&2
        buildah config --cmd python "$container"
        buildah commit --rm --quiet "$container" "$made" >&2
    else
        tar --create --one-file-system --directory "$root" . | "$engine" import --change 'CMD ["python"]' - "$made" >&2
    fi
    rm -rf --one-file-system "$root"
}

has() {
    if [[ $engine == buildah ]]; then
        buildah inspect --type image "$1"
    else
        "$engine" image inspect "$1"
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
    for name in BASE DEVICE EXTRAS TORCH_INDEX; do
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
find_base
build "$@"
say "$image is built; unpacked it takes"
tell_size
