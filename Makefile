# `make` alone lists the targets. Everything that is needed is set up in .venv by the targets themselves.
.DEFAULT_GOAL := help
.PHONY: help setup hooks runtime demo serve test quick check measure bench move payments blocks repeat crash overload ha gates gates-night gates-controls lite-conformance walk docs
# Targets share one environment and one machine; side by side they would only disturb each other.
.NOTPARALLEL:

BIN := .venv/bin
ARGS ?=
export PYTHON
# Settings of the caller's Python must not reach into ours.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-17s %s\n", $$1, $$2 }'

setup: ## make .venv with OpenVest and the development tools
	@sh tools/setup.sh dev

hooks: setup ## run the quick checks before each commit of this clone
	@$(BIN)/pre-commit install

runtime:
	@sh tools/setup.sh runtime

demo: runtime ## watch one whole investment life over signed HTTP, from token to proof
	@$(BIN)/openvest demo $(ARGS)

serve: runtime ## serve on 127.0.0.1:8000 with a sandbox tenant, data kept in ./var
	@$(BIN)/openvest serve --data-dir ./var $(ARGS)

test: setup ## run all tests; ARGS=--durations prints the slowest 20 and the seconds per operation
	@$(BIN)/python -m pytest tests -q -n 3 --dist worksteal $(patsubst --durations,--durations=20,$(ARGS))

quick: setup ## check and test one feature, in seconds: make quick F=payments
	@$(BIN)/python -m tools.quick $(F)

check: setup ## run linters, types, layers, architecture and the contract comparison
	@$(BIN)/python tools/check.py $(ARGS)

measure: setup ## count lines per operation and places per field
	@$(BIN)/python -m tools.measure $(ARGS)

bench: setup ## measure and print one line per figure
	@$(BIN)/python -m tests.bench $(ARGS)

move: setup ## move a tenant with 10,000 orders to another installation and prove both sides
	@$(BIN)/python -m tests.bench.moves $(ARGS)

payments: setup ## 20,000 random payments told by shuffled bank files, and a storm of 2,000 withdrawals, beside a plain sum
	@$(BIN)/python -m tests.stateful.payments $(ARGS)

blocks: setup ## a block of 100,000 orders, worked in peace and killed at each crash point: one result, and the seconds of each stage
	@$(BIN)/python -m tests.stateful.blocks $(ARGS)

repeat: setup ## live one life twice and compare every event
	@$(BIN)/python -m tests.repeat $(ARGS)

crash: setup ## kill it under load and count what was lost
	@$(BIN)/python -m tests.faults.crash $(ARGS)

overload: setup ## hold a server busy with idle, slow and large requests, and time its clients
	@$(BIN)/python -m tests.faults.overload $(ARGS)

ha: setup ## lose the primary of a replicated database in five ways, and count (Debian: patroni, etcd-server)
	@$(BIN)/python -m tests.ha $(ARGS)

gates: setup ## run every gate at push size and write reliability-report.json
	@$(BIN)/python -m tests.gates $(ARGS)

gates-night: setup ## run every gate at full size
	@$(BIN)/python -m tests.gates --night $(ARGS)

gates-controls: setup ## plant every bug, one by one, and see its gate turn red
	@$(BIN)/python -m tests.gates.controls $(ARGS)

lite-conformance: setup ## ask a running server what lite's reference describes, and hold every answer to it
	@$(BIN)/python -m tests.conformance $(ARGS)

walk: setup ## do the walk of docs/add-a-feature.md in a scratch copy and hold it to all there is
	@$(BIN)/python -m tests.walk

docs: setup ## regenerate the pages and the schema file, from the tables, and the examples, from a life
	@$(BIN)/python -m tools.docs $(ARGS)
	@$(BIN)/python -m tools.schema $(ARGS)
	@$(BIN)/python -m tests.examples $(ARGS)
