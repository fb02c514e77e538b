# Two commands matter: `sudo make demo` and `sudo make check`. Every line calls a preset or a script.
.PHONY: demo check deps build layers format-check behaviours test asan tsan tidy format fuzz soak installed watch-soak bench install help

$(if $(filter-out libvirt proxmox,$(PROVIDER)),$(error PROVIDER is libvirt or proxmox, not $(PROVIDER)))
on_proxmox = $(filter proxmox,$(PROVIDER))
SOURCES = $(shell git ls-files '*.cpp' '*.hpp')

demo: deps ## build, then play a hub, a host and real guests (KEEP=1, HUB=none, PROVIDER=proxmox)
	cmake --preset check -DHOLDFAST_TESTS=$(if $(on_proxmox),ON,OFF) -B build/demo >/dev/null
	cmake --build build/demo $(if $(on_proxmox),--target holdfastd holdfast proxmox-standin)
	PROVIDER=$(PROVIDER) tests/e2e/demo.sh build/demo

check: deps layers format-check build behaviours test asan ## everything CI runs: install, build, all tests

deps: ## install what debian/control names and this machine lacks
	@tools/install_deps.sh

layers:
	@python3 tools/check_layers.py

format-check:
	@clang-format-14 --dry-run -Werror $(SOURCES) && echo "format: ok"

build:
	cmake --preset check
	cmake --build --preset check

behaviours: ## every promise in docs/behaviours.md names a test that exists
	@python3 tools/check_behaviours.py build/check

test:
	ctest --preset check

asan: ## the unit tests again under the address and undefined-behaviour sanitizers
	cmake --preset asan
	cmake --build --preset asan
	ctest --preset asan

tsan: ## the unit tests of everything that has threads, under the thread sanitizer
	cmake --workflow --preset tsan

tidy: ## clang build with clang-tidy, warnings are errors
	cmake --workflow --preset clang

fuzz: ## build the fuzz targets and run each for a short while
	cmake --workflow --preset fuzz

soak: build ## kill -9 at 50 random moments on real QEMU
	tests/e2e/kill_soak.sh build/check 50

installed: build ## install into a copy of this machine, boot it with systemd, follow the README there
	tests/e2e/installed.sh build/check

watch-soak: build ## 200 simulated hosts on a line that loses packets, half an hour: no false alert
	python3 tests/e2e/dead_man_soak.py build/check

bench: ## measure, beside a peer or a limit in the same run
	cmake --preset release
	cmake --build --preset release
	bench/run.sh build/release

format: ## rewrite the sources in the project style
	clang-format-14 -i $(SOURCES)

install: ## install the release build (PREFIX, DESTDIR)
	cmake --preset release -DHOLDFAST_TESTS=OFF -DHOLDFAST_BENCH=OFF -B build/install -DCMAKE_INSTALL_PREFIX=$(or $(PREFIX),/usr/local)
	cmake --build build/install
	cmake --install build/install

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
