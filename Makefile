# What a developer runs; `make` alone lists it. One environment, .venv, holds all the tools; every
# build has its own folder under build/. Steps whose files are up to date are not done again.

PYTHON ?= python3
VENV ?= .venv
# More words for the command behind a target: make test ARGS="-k book -x"
ARGS ?=
# What runs under the sanitizers: all that calls the compiled core, and not the rest.
SANITIZED ?= $(addprefix tests/test_,activations.py bad_input.py bits.py blas.py book.py \
    compiled_plan.py costs.py costs_of_z.py dense.py engine.py epoch.py example.py \
    feature_major.py in_core.py inputs.py masks.py network.py parity.py prediction.py products.py \
    random.py robustness.py rows.py sklearn_in_core.py threads.py)

# What runs under each lesser instruction set of the processor: all that depends on vectors. Base
# leaves wide layers to BLAS, whose own threads tests of threads do not hold.
KERNELS ?= $(addprefix tests/test_,activations.py bench_workers.py bits.py compiled_plan.py \
    costs.py costs_of_z.py dense.py epoch.py feature_major.py kernels_in_pieces.py masks.py \
    norm.py parity.py products.py vector_math.py)

# What runs against the release build alone: tests about files, texts, pictures and other programs.
RELEASE_ONLY ?= $(patsubst %,--ignore-glob="$(ROOT)/tests/test_%.py",arm* bench* build cli* convert* \
    datasets* dlfs_programs docstrings documentation examples export* files format fuzz_readers import \
    layers playground* plot* saved_* source_files stubs table* texts translations)

BIN := $(abspath $(VENV))/bin
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check -qq
ROOT := $(CURDIR)

# With their folders, so that a deleted file counts as a change.
SOURCES := setup.py pyproject.toml MANIFEST.in README.md LICENSE \
    $(shell find fastnn src_cython -name __pycache__ -prune -o \
        \( -type d -o -name '*.py' -o -name '*.pyi' -o -name py.typed -o \
           -path '*/static/*' -o \
           -name '*.pyx' -o -name '*.px[di]' -o -name '*.[ch]' \) -print)

TOOLS := $(VENV)/.tools
DEV := $(VENV)/.dev
TORCH := $(VENV)/.torch
DOCS := $(VENV)/.docs
INSTALLED := $(VENV)/.installed
WHEEL := build/release/wheel.stamp
# Its name, which is none of those that `make wheels` gives.
BUILT = dist/fastnn_cpu-*-$(shell "$(PYTHON)" -c 'import sysconfig as s; print(s.get_platform().replace("-", "_").replace(".", "_"))').whl

# The steps share an environment, and each uses all cores by itself.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test lint format wheel wheels test-wheels wheel-of-zig isa-test kernel-test \
    debug-test plain-test sanitize tsan sdist-check recipe-check bench docs linkcheck clean distclean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

demo: $(INSTALLED)  ## train on real handwritten digits, beside the reference; writes curves.png
	@$(BIN)/fastnn demo $(ARGS)

test: $(INSTALLED) $(DEV) $(TORCH)  ## the whole test suite against the installed wheel
	$(call pytest,$(VENV),,,tests)

lint: $(DEV)  ## ruff, cython-lint, mypy, import-linter
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@PATH="$(BIN):$$PATH" cython-lint src_cython
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache

format: $(DEV)  ## let ruff put the files in order
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

wheel: $(WHEEL)  ## build dist/fastnn_cpu-*.whl for this Python
	@$(PY) .ci/check_wheel.py $(BUILT)

wheels: $(TOOLS)  ## wheels of all platforms into dist/; ARGS="--platform windows-amd64 --abi abi3"
	@$(PIP) install "ziglang>=0.14" "auditwheel>=6.2" "wheel>=0.45" "zopflipy>=1.14"
	@$(PY) .ci/wheels/build.py $(ARGS)

test-wheels: $(TOOLS)  ## install and test those that can run here; ARGS="--all --only python3.13"
	@$(PIP) install "ziglang>=0.14" "pefile>=2023"
	@$(PY) .ci/wheels/test.py $(ARGS)

wheel-of-zig: $(DEV)  ## the wheel of zig's clang for this machine, built, installed and tried
	@$(PIP) install "auditwheel>=6.2" "wheel>=0.45" "zopflipy>=1.14"
	@$(PY) .ci/wheels/build.py --platform manylinux-$$(uname -m) --abi abi3 --out build/wheels/dist
	@rm -rf build/wheels/installed
	@$(PIP) install --no-deps --target build/wheels/installed build/wheels/dist/*-abi3-manylinux*.whl
	@cd build/wheels/installed && PYTHONPATH=. $(PY) "$(ROOT)/.ci/smoke.py" --training && echo "zig's wheel trains"

isa-test: $(INSTALLED) $(DEV)  ## the kernels' tests under each lesser instruction set (base, v3)
	@levels=$$(cd / && $(PY) -c 'from fastnn._core import isa; print(*isa.available()[:-1])') && \
	    for level in $$levels; do echo "FASTNN_ISA=$$level" && \
	    FASTNN_ISA=$$level FASTNN_EXAMPLES=0.25 $(MAKE) --no-print-directory kernel-test || exit 1; done

kernel-test: $(INSTALLED) $(DEV)
	$(call pytest,$(VENV),,,$(KERNELS))

debug-test: build/debug/wheel.stamp $(DEV) $(TORCH)  ## most of it against a build with bounds checks
	$(call pytest,build/debug/site,PYTHONPATH="$(ROOT)/build/debug/site",$(RELEASE_ONLY),tests)

plain-test: build/plain/wheel.stamp $(DEV)  ## the same without vectors and threads, as by Visual C++
	$(call pytest,build/plain/site,PYTHONPATH="$(ROOT)/build/plain/site",$(RELEASE_ONLY),tests)

# The libraries must be loaded before Python; its own allocator would hide overflows from them,
# and the interpreter's own leaks are not ours. Reports must not be captured with the tests' output:
# UBSan's go to standard error, AddressSanitizer's to files, from processes that tests start too.
REPORT := $(ROOT)/build/sanitize/report
sanitize: build/sanitize/wheel.stamp $(DEV)  ## the suite under AddressSanitizer and UBSan (gcc)
	@rm -f $(REPORT).*
	$(call pytest,build/sanitize/site,PYTHONPATH="$(ROOT)/build/sanitize/site" \
	    LD_PRELOAD="$(LIBASAN) $(LIBUBSAN)" \
	    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:log_path=$(REPORT) \
	    UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc \
	    OPENBLAS_NUM_THREADS=1,--capture=sys,$(SANITIZED)) || { cat $(REPORT).* >&2 2>/dev/null; exit 1; }
	@if ls $(REPORT).* >/dev/null 2>&1; then cat $(REPORT).* >&2; exit 1; fi

tsan: build/tsan/thread_pool  ## the thread pool under ThreadSanitizer (gcc)
	@TSAN_OPTIONS=halt_on_error=1 $<

build/tsan/thread_pool: tests/thread_pool.c src_cython/fastnn/_core/runtime/thread_pool.h
	@mkdir -p $(@D)
	@$${CC:-gcc} -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=thread -Isrc_cython/fastnn/_core $< -o $@ -pthread

sdist-check: $(WHEEL)  ## source distribution -> wheel -> new environment -> smoke test
	@rm -f dist/*.tar.gz
	@$(call quietly,$(PY) -m build --sdist --no-isolation --outdir dist,build/sdist.log)
	@.ci/check-sdist $(PY) build/sdist-check dist/fastnn_cpu-*.tar.gz

recipe-check: $(DEV)  ## CONTRIBUTING.md's recipes for activations and costs, followed in a copy
	@$(PY) .ci/check_recipes.py build/recipes

# Through a link in an empty folder, for in the checkout the checkout's fastnn would be imported.
bench: $(INSTALLED) $(DEV)  ## time an epoch against other libraries; ARGS="digits30 --repeats 3"
	@mkdir -p build/elsewhere && ln -sfn ../../bench build/elsewhere/bench
	@cd build/elsewhere && $(PY) -m bench.epoch --output "$(ROOT)/bench/results" $(ARGS)

docs: $(INSTALLED) $(DOCS)  ## the documentation, into build/docs; ARGS=-E reads all pages anew
	@$(call sphinx,html,en)
	@if [ -d docs/locale/zh_CN ]; then $(call sphinx,html,zh_CN); fi
	@echo "wrote build/docs/en/index.html"

linkcheck: $(INSTALLED) $(DOCS)  ## whether the documentation's links to other sites are good
	@$(call sphinx,linkcheck,en)

clean:  ## remove what was built
	@rm -rf build dist docs/gallery docs/api/generated fastnn/_core/*.so *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis curves.png

distclean: clean  ## remove the environment too
	@rm -rf $(VENV)

# ---- the environment ----------------------------------------------------------------------------

$(TOOLS): pyproject.toml .ci/requirements.py
	@.ci/check-machine "$(PYTHON)"
	@echo "making the environment $(VENV)"
	@"$(PYTHON)" -m venv $(VENV)
	@$(PIP) install "build>=1.0"
	@$(PY) .ci/requirements.py build >$(VENV)/build.txt
	@$(PIP) install -r $(VENV)/build.txt
	@touch $@

$(DEV): $(TOOLS)
	@echo "installing what the tests need"
	@$(PY) .ci/requirements.py run dev >$(VENV)/dev.txt
	@$(PIP) install -r $(VENV)/dev.txt
	@touch $@

$(DOCS): $(TOOLS)
	@echo "installing what the documentation needs"
	@$(PY) .ci/requirements.py docs >$(VENV)/docs.txt
	@$(PIP) install -r $(VENV)/docs.txt
	@touch $@

# Where there is none to be had, which is its exit code 2, the tests do without.
$(TORCH): $(DEV) .ci/install-torch
	@echo "installing PyTorch for the tests"
	@.ci/install-torch $(PY) && touch $@ || test $$? = 2

$(INSTALLED): $(WHEEL)
	@echo "installing the wheel"
	@$(PIP) install --force-reinstall --no-deps $(BUILT)
	@$(PIP) install "$$(echo $(BUILT))[sklearn,plot,progress]"
	@touch $@

# ---- the builds ---------------------------------------------------------------------------------

# $(call quietly,COMMAND,LOG): shows what the command said only if it fails.
quietly = mkdir -p $(dir $(2)) && { $(1) >$(2) 2>&1 || { tail -n 40 $(2); exit 1; }; }

# $(call build,FLAVOUR,FOLDER FOR THE WHEEL): all but modules is copied anew, for a file deleted
# from the sources would stay in the build's folder, and so in the wheel.
define build
@echo "building fastnn ($(1))"
@rm -f $(2)/$(notdir $(BUILT))
@if [ -d build/$(1) ]; then find build/$(1) -path '*/lib.*' -type f ! -name '*.so' -delete; fi
@$(call quietly,$(PY) -m build --wheel --no-isolation --outdir $(2),build/$(1)/build.log)
endef

# Before the stamp, for it changes the folder fastnn, which is one of the sources.
$(WHEEL): $(SOURCES) $(TOOLS) .ci/place_modules.py
	$(call build,release,dist)
	@$(PY) .ci/place_modules.py $(BUILT)
	@touch $@

build/debug/wheel.stamp: export FASTNN_DEBUG = 1
build/debug/wheel.stamp: $(SOURCES) $(TOOLS)
	$(call build,debug,build/debug/dist)
	@$(call unpack,build/debug)
	@$(call holds,build/debug,Out of bounds on buffer access)
	@touch $@

build/plain/wheel.stamp: export CFLAGS = -DFASTNN_NO_VECTORS -DFASTNN_NO_THREADS
build/plain/wheel.stamp: export FASTNN_BUILD = build/plain
build/plain/wheel.stamp: $(SOURCES) $(TOOLS)
	$(call build,plain,build/plain/dist)
	@$(call unpack,build/plain)
	@test "$$(grep -c 'one number at a time and one thread' build/plain/build.log)" = 1 || \
	    { echo "error: the build did not warn once of what it lacks" >&2; exit 1; }
	@touch $@

build/sanitize/wheel.stamp: export FASTNN_SANITIZE = 1
build/sanitize/wheel.stamp: $(SOURCES) $(TOOLS)
	@test -f "$(LIBASAN)" && test -f "$(LIBUBSAN)" || \
	    { echo "error: make sanitize needs gcc with its libasan and libubsan" >&2; exit 1; }
	$(call build,sanitize,build/sanitize/dist)
	@$(call unpack,build/sanitize)
	@$(call holds,build/sanitize,__asan_report_load)
	@touch $@

unpack = rm -rf $(1)/site && $(PIP) install --no-deps --target $(1)/site $(1)/dist/fastnn_cpu-*.whl

# $(call holds,FOLDER,TEXT): the modules were really built with the checks that are asked for.
holds = grep -q "$(2)" $(1)/site/fastnn/_core/kernels.*.so || \
    { echo "error: $(1)/site was built without its checks" >&2; exit 1; }

LIBASAN = $(shell $${CC:-gcc} -print-file-name=libasan.so)
LIBUBSAN = $(shell $${CC:-gcc} -print-file-name=libubsan.so)

# ---- the documentation --------------------------------------------------------------------------

# $(call sphinx,BUILDER,LANGUAGE): all warnings are shown, and are errors.
sphinx = $(BIN)/sphinx-build -q -W --keep-going -b $(1) -D language=$(2) \
    -d build/docs/doctrees/$(2) docs build/docs/$(if $(filter html,$(1)),$(2),$(1)) $(ARGS)

# ---- the tests ----------------------------------------------------------------------------------

# $(call pytest,WHERE FASTNN MUST BE,MORE ENVIRONMENT,OPTIONS,TESTS): from an empty directory, so
# that the checkout's own fastnn/ cannot be the one that is imported.
define pytest
@elsewhere=$$(mktemp -d) && trap 'rm -rf "$$elsewhere"' EXIT && cd "$$elsewhere" && \
    env FASTNN_INSTALLED_IN="$(abspath $(1))" $(2) $(PY) -m pytest -q -c "$(ROOT)/pyproject.toml" \
    --rootdir "$(ROOT)" --import-mode=importlib $(3) $(addprefix "$(ROOT)"/,$(4)) $(ARGS)
endef
