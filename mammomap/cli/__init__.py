"""The verbs. Each one parses, imports what it needs, makes one call and prints what came of it.

Results go to stdout, progress to stderr. Exit codes: 0 done, 1 the input is at fault (one line says how), 2 the
command was called wrongly. Nothing here imports torch or pandas before a verb runs.
"""

from __future__ import annotations

import click

from mammomap.cli.data import audit, download, index, phantom, prepare
from mammomap.cli.dicom import export_dicom
from mammomap.cli.heatmaps import segment
from mammomap.cli.models import bundle, classify, export_onnx
from mammomap.cli.referee import benchmark
from mammomap.cli.training import train, train_head, train_image
from mammomap.cli.viewing import view
from mammomap.cli.whole import demo, demo_train


class _Verbs(click.Group):
    """Lists the verbs in the order of the work."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mammomap", prog_name="mammomap")
def main() -> None:
    """Mammograms into lesion heatmaps, heatmaps into labels, maps into an honest benchmark.

    The way of the work: index, prepare, train, segment, train-head, classify, benchmark. 'mammomap demo-train' goes
    all of it on drawn films. Research only: nothing here is fit for diagnosis.
    """


_WORK = (index, audit, prepare, train, segment, train_head, classify, benchmark, view, export_dicom)
for _verb in (*_WORK, train_image, bundle, export_onnx, download, phantom, demo, demo_train):
    main.add_command(_verb)
