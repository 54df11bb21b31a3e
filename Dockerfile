# The service in a container: docs/container.md says how it is built, started and stopped.
#
#   docker build -t groupnl-serve .                              for GPUs with CUDA, and for CPUs
#   docker build -t groupnl-serve --build-arg DEVICE=cpu .       for CPUs alone, several GB smaller
#   docker run --init -p 127.0.0.1:8080:8080 groupnl-serve --allow-open
#   docker run --init -p 8080:8080 -e GROUPNL_KEYS="phone-app predict $(openssl rand -hex 32)" groupnl-serve
#   curl -T docs/sample.png http://127.0.0.1:8080/predictions/gnl_effnet_es
#
# The networks are compiled for the CPU of the machine that builds. On another machine each start measures which of the
# archives' other engines is the fastest; for compiled ones there, mount archives that were made on it (docs/engines.md).

ARG BASE=docker.io/library/python:3.11-slim

FROM ${BASE} AS build
ARG DEVICE=cuda
# PyTorch's own index of wheels for CPUs, which lacks most of what they depend on: that comes from PyPI.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# What of pyproject.toml is installed: our own server, archives from https://. `serve` in its place has TorchServe and Java.
ARG EXTRAS=server,storage
RUN case "$DEVICE" in cuda|cpu) ;; *) echo "DEVICE is cuda or cpu, not '$DEVICE'" >&2; exit 1 ;; esac
RUN apt-get update && apt-get install --yes --no-install-recommends build-essential
RUN python -m venv /opt/groupnl
ENV PATH=/opt/groupnl/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# What changes rarely first: these layers are kept when only the sources change.
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY wheels wheels
# For a CPU ONNX Runtime has the same release without CUDA.
RUN [ "$DEVICE" = cuda ] || sed -i 's/onnxruntime-gpu/onnxruntime/' constraints.txt pyproject.toml
# What lies in wheels/ comes before any index, in the version that it has.
RUN if ls wheels/*.whl 2>/dev/null; then pip install --no-deps wheels/*.whl \
        && for pin in $(pip list --format=freeze); do sed -i "s/^${pin%%==*}==.*/$pin/" constraints.txt; done; \
    fi
RUN [ "$DEVICE" = cuda ] || pip show --quiet torch \
    || pip install --no-deps --index-url "$TORCH_INDEX" $(grep -E '^torch(vision)?==' constraints.txt)
RUN pip install -c constraints.txt torch torchvision
COPY groupnl groupnl
COPY handlers handlers
RUN pip wheel --no-deps --wheel-dir /built . \
    && pip install -c constraints.txt "$(echo /built/*.whl)[$EXTRAS]" \
    && pip install -c constraints.txt --no-deps imagecorruptions-imaug
COPY model_store model_store
RUN groupnl archive model_store/efficientnet_es.safetensors --model-name effnet_es \
        --probe model_store/probe --groups model_store/icon_groups.yaml \
        --robustness model_store/efficientnet_es.robustness.json \
        --traffic model_store/efficientnet_es.traffic.safetensors --output /opt/model_store \
    && groupnl archive model_store/efficientnet_gnl_es.safetensors --model-name gnl_effnet_es --twin effnet_es \
        --probe model_store/probe --groups model_store/icon_groups.yaml \
        --robustness model_store/efficientnet_gnl_es.robustness.json \
        --traffic model_store/efficientnet_gnl_es.traffic.safetensors --output /opt/model_store
# A service compiles and tests nothing, and on a CPU OpenVINO needs no GPU's plugins. PyTorch looks for torch_shm_manager.
# Not every release, and not every processor's wheel, has all of it.
RUN [ "$DEVICE" = cuda ] || { cd /opt/groupnl/lib/python3*/site-packages \
    && if [ -d torch/bin ]; then find torch/bin -type f ! -name torch_shm_manager -delete; fi \
    && find . -type d -name tests -prune -exec rm -rf {} + && rm -rf torch/include torch/test onnx/backend/test \
    && rm -rf openvino/libs/libopenvino_intel_[gn]pu_plugin.so openvino/libs/cache.json \
    && strip --strip-unneeded torch/lib/libtorch_cpu.so torch/lib/libtorch_python.so; }

FROM ${BASE}
RUN useradd --create-home --uid 10001 groupnl \
    && install --directory --owner groupnl --group groupnl /var/lib/groupnl /var/log/groupnl
COPY --from=build /opt/groupnl /opt/groupnl
COPY --from=build /opt/model_store /opt/model_store
COPY serving_config/container.yaml /etc/groupnl/serve.yaml
ENV PATH=/opt/groupnl/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /home/groupnl
# All that is written; the root may be read-only. Machine code is loaded from /tmp: a tmpfs there must be mounted with exec.
VOLUME ["/tmp", "/var/lib/groupnl", "/var/log/groupnl"]
EXPOSE 8080
# 503 while no worker is up, or while it stops; no key is asked for, and no proxy that HTTP_PROXY names.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "from http.client import HTTPConnection; asked = HTTPConnection('127.0.0.1', 8080, timeout=4); \
asked.request('GET', '/ready'); raise SystemExit(asked.getresponse().status != 200)"]
# The port is reachable from outside the container, so it starts with keys, or with --allow-open.
ENTRYPOINT ["groupnl", "serve", "--model-store", "/opt/model_store", "--config", "/etc/groupnl/serve.yaml"]
