# make test [REAL_DATA=PATH]: every check, and all tests but the slow ones (.venv/bin/pytest -m slow); PATH is a folder
#   that holds cbis_mass (docs/own-data.md)
# make test-orthanc: results through a true Orthanc and back (Debian: orthanc orthanc-dicomweb dcmtk)
# make demo: eight true films, mapped and scored by the model that comes along, with pages to look at, in demo-out
# make demo-train: drawn films, a trained net, heatmaps and a report in demo-train-out
# PYTHON=... names another interpreter, 3.11 or newer.

PYTHON ?= python3
REAL_DATA ?=
INSTALLED := .venv/.installed

.PHONY: test test-orthanc demo demo-train clean

test: $(INSTALLED)
	@scripts/check $(if $(REAL_DATA),--real-data="$(REAL_DATA)")

test-orthanc: $(INSTALLED)
	@.venv/bin/pytest -m orthanc tests/dicom_out

demo: $(INSTALLED)
	@.venv/bin/mammomap demo -o demo-out

demo-train: $(INSTALLED)
	@.venv/bin/mammomap demo-train -o demo-train-out

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON): mammomap needs Python 3.11 or newer; name one with make PYTHON=python3.12" >&2; exit 1; }
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv || \
	  { echo "$(PYTHON) -m venv failed; on Debian: apt-get install python3-venv" >&2; exit 1; }
	.venv/bin/pip install --quiet -c constraints.txt -e '.[dev,samples,download,formats,onnx]'
	@touch $@

clean:
	rm -rf .venv build demo-out demo-train-out *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
