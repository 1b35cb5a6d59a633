# SPDX-License-Identifier: MIT
# Two commands do all the set-up: `make deps` (the distribution's packages, once) and any other
# target, which makes the virtual environment and the PAM module it needs.

SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
MODULE := build/pam_faceauth.so

# The system's own Python lends its gi (PyGObject): what pydbus stands on does not build from PyPI
# against Debian 12's GLib.
SYSTEM_PYTHON := /usr/bin/python3
SYSTEM_GI := /usr/lib/python3/dist-packages/gi

PACKAGES := python3 python3-venv python3-gi gir1.2-glib-2.0 gcc libc6-dev make libpam0g-dev dbus libseccomp2
TEST_PACKAGES := libpam-wrapper libnss-wrapper pamtester python3-dbusmock strace sudo
DEB_PACKAGES := dpkg-dev debhelper lintian
# The guests of `make test-vm`, and which of tests/vm/cases they go through; all where none is named.
VM_RELEASES ?= bookworm
VM_CASES ?=
# The same PAM file under another loader; not in every release, and its tests say when it is missing.
OPTIONAL_PACKAGES := libpam-python

.PHONY: help deps test deb test-train test-vm stock-model install docs man translations lint demo bench accuracy mutations soak clean
help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

deps: ## Install the distribution's packages (Debian 12/13, Ubuntu 24.04); asks for sudo unless root
	@command -v apt-get >/dev/null || { \
	  echo "make deps knows Debian and Ubuntu only. Elsewhere install what stands for:"; \
	  echo "  $(PACKAGES)"; echo "and for tests, demo and bench:"; echo "  $(TEST_PACKAGES)"; \
	  exit 1; } >&2
	@set -eu; sudo=; test "$$(id -u)" = 0 || sudo=sudo; \
	  $$sudo apt-get update -q; \
	  $$sudo apt-get install -q -y --no-install-recommends $(PACKAGES) $(TEST_PACKAGES) $(DEB_PACKAGES); \
	  $$sudo apt-get install -q -y --no-install-recommends $(OPTIONAL_PACKAGES) || \
	    echo "make deps: went on without $(OPTIONAL_PACKAGES)" >&2

$(VENV)/.ready: pyproject.toml
	@test -d $(SYSTEM_GI) || { echo "python3-gi is missing: run 'make deps' first" >&2; exit 1; }
	test -x $(PYTHON) || $(SYSTEM_PYTHON) -m venv $(VENV)
	ln -sfn $(SYSTEM_GI) "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/gi"
	$(PYTHON) -m pip install -q --disable-pip-version-check -e '.[test]'
	touch $@

$(MODULE): $(wildcard pam_module/*.c) pam_module/Makefile
	$(MAKE) -C pam_module

test: $(VENV)/.ready $(MODULE) ## Run all tests
	$(PYTHON) -m pytest $(ARGS)

test-train: $(VENV)/.ready ## Run the tests that train with TensorFlow (installs it)
	$(PYTHON) -m pip install -q --disable-pip-version-check -e '.[train,test]'
	$(PYTHON) -m pytest tests/models/training_*.py $(ARGS)

stock-model: $(VENV)/.ready ## Train the stock liveness model again, into build/stock-model
	$(PYTHON) -m pip install -q --disable-pip-version-check -e '.[train]'
	$(PYTHON) -m models.liveness.stockmodel --data ../shared/data --out build/stock-model

test-vm: ## Install the package in a real Debian or Ubuntu and log in there (root; VM_RELEASES='bookworm trixie noble')
	for release in $(VM_RELEASES); do tests/vm/test-vm -r $$release $(VM_CASES) || exit; done

deb: ## Build dist/faceauth_*.deb (RELEASE=trixie: for another release, as root; TRAIN=1: faceauth-train too)
	$(if $(TRAIN),DEB_BUILD_PROFILES=pkg.faceauth.train) packaging/build-deb $(if $(RELEASE),-r $(RELEASE))

install: $(VENV)/.ready ## Put faceauth under DESTDIR, as a package does
	packaging/install "$(DESTDIR)"

translations: $(VENV)/.ready ## Bring the catalogues up to date with the texts of the command
	LC_ALL=C $(PYTHON) packaging/make_catalogue.py

docs: $(VENV)/.ready ## Build the documentation as a site, into build/site
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict -q -f .mkdocs.yml

man: $(VENV)/.ready ## Write the man pages and shell completions into build/
	$(PYTHON) docs/make_man.py build/man
	mkdir -p build/completions
	for shell in bash zsh fish; do \
	  _FACEAUTH_COMPLETE=$${shell}_source $(VENV)/bin/faceauth > build/completions/faceauth.$$shell; \
	done

lint: $(VENV)/.ready ## Run the linters alone
	$(PYTHON) -m pytest -q tests/test_linters.py tests/test_imports.py

mutations: $(VENV)/.ready $(MODULE) ## Take each defence of SECURITY.md away and see a test fail (ARGS=NAME… some)
	$(PYTHON) -m tests.mutations $(ARGS)

soak: $(VENV)/.ready $(MODULE) ## The long tests, and a table of what they found (ARGS="--minutes 30", ARGS="--rounds 100")
	$(PYTHON) -m tests.soak $(ARGS)

demo: $(VENV)/.ready $(MODULE) ## Show the main job: enrol, accept, refuse (CAMERA=clip.mp4 uses your own)
	$(PYTHON) -m tests.demo $(if $(CAMERA),--camera '$(CAMERA)') $(ARGS)

bench: $(VENV)/.ready $(MODULE) ## Measure (ARGS=--json for programs)
	@$(PYTHON) -m tests.bench $(ARGS)

accuracy: $(VENV)/.ready ## Recognition as Verify decides, on the people of ../shared/data (ARGS=--json)
	@$(PYTHON) -m tests.accuracy $(ARGS)

clean: ## Remove what was built here
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
