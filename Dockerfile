# The service in a container. This file has not been built yet.
#
#   docker build -t groupnl-serve .
#   docker run --init -p 127.0.0.1:8080:8080 groupnl-serve --host 0.0.0.0 --allow-open
#   docker run --init -p 8080:8080 -e GROUPNL_KEYS="phone-app predict $(openssl rand -hex 32)" groupnl-serve
#   curl -T docs/sample.png http://127.0.0.1:8080/predictions/gnl_effnet_es
#
# CUDA (the default): the usual torch wheels carry CUDA; run with `--gpus all` where the NVIDIA container toolkit is
# installed. Without a GPU the same image computes on the CPU.
# CPU only, several GB smaller: --build-arg DEVICE=cpu --build-arg TORCH_INDEX=ADDRESS, the address of PyTorch's wheels
# for the CPU, which its install page gives for pip.

# The networks are compiled for the CPU of the machine that builds. On another machine each start measures which of the
# archives' other engines is the fastest; for compiled ones there, mount archives that were made on it (docs/engines.md).

ARG PYTHON=3.11-slim

FROM python:${PYTHON} AS build
ARG DEVICE=cuda
ARG TORCH_INDEX=
RUN apt-get update && apt-get install --yes --no-install-recommends build-essential
RUN python -m venv /opt/groupnl
ENV PATH=/opt/groupnl/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# What changes rarely first: these layers are kept when only the sources change.
COPY constraints.txt ./
# The CPU's wheels come from an index of their own, which lacks most of what they depend on: that comes below, for both.
RUN case "$DEVICE-$TORCH_INDEX" in \
        cuda-) ;; \
        cpu-?*) pip install --no-deps --index-url "$TORCH_INDEX" $(grep -E '^torch(vision)?==' constraints.txt) ;; \
        cpu-) echo "DEVICE=cpu needs TORCH_INDEX: the address of PyTorch's wheels for the CPU" >&2; exit 1 ;; \
        *) echo "DEVICE is cuda, or cpu with TORCH_INDEX; not '$DEVICE' with '$TORCH_INDEX'" >&2; exit 1 ;; \
    esac
RUN pip install -c constraints.txt torch torchvision
COPY pyproject.toml README.md LICENSE ./
COPY groupnl groupnl
COPY handlers handlers
RUN pip wheel --no-deps --wheel-dir /wheels . \
    && pip install -c constraints.txt "$(echo /wheels/*.whl)[serve,storage]" \
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

FROM python:${PYTHON}
RUN useradd --create-home --uid 10001 groupnl
COPY --from=build /opt/groupnl /opt/groupnl
COPY --from=build /opt/model_store /opt/model_store
ENV PATH=/opt/groupnl/bin:$PATH PYTHONUNBUFFERED=1
USER groupnl
WORKDIR /home/groupnl
EXPOSE 8080
# 503 while no worker is up, or while it stops; no key is asked for.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/ready', timeout=4)"]
ENTRYPOINT ["groupnl", "serve", "--model-store", "/opt/model_store"]
# The port is reachable from outside the container, so it starts with keys (the third line above, or --keys with a file that
# is mounted), or with --allow-open (the second line).
CMD ["--host", "0.0.0.0"]
