"""Results back into DICOM."""

from __future__ import annotations

from pathlib import Path

import click

from mammomap.cli.common import FILE, FOLDER, one_line_errors, progress_bar, say_done


@click.command(name="export-dicom")
@click.argument("maps", type=FOLDER)
@click.option("--key", type=FILE, help="The key of MAPS: which image is which film.  [default: MAPS.key.json]")
@click.option("-o", "--out", type=FOLDER, required=True, metavar="DICOM", help="Folder for the objects.")
@click.option("--objects", default="sc,sr,seg", show_default=True, help="Any of sc, sr, seg, pm, gsps.")
@click.option("--anonymous", is_flag=True, help="Codes for patient, study and film; no dates.")
@click.option("--replaces", type=FOLDER, metavar="FOLDER", help="Former results that the new ones take the place of.")
@click.option("--dry-run", is_flag=True, help="List what would be written, and write nothing.")
@one_line_errors
def export_dicom(maps: Path, key: Path | None, out: Path, objects: str, dry_run: bool, **how) -> None:
    """Write maps and candidates as DICOM objects of the films' own studies (docs/dicom-out.md).

    \b
    Examples:
      mammomap export-dicom maps -o dicom
      mammomap export-dicom maps -o dicom --objects sc,sr,seg,pm,gsps --dry-run
    """
    from mammomap.dicom_out.export import export_dicom as run
    from mammomap.masks.key import key_beside

    kinds = [kind.strip() for kind in objects.split(",")]
    done = run(maps, key or key_beside(maps), out, kinds, dry_run=dry_run, progress=progress_bar, **how)
    for image_id, reason in done.set_aside:
        click.echo(f"set aside: {image_id}: {reason}", err=True)
    for planned in done.objects if dry_run else [p for p in done.objects if p.replaces and not p.there]:
        replaces = f" replaces {planned.replaces}" if planned.replaces else ""
        click.echo(f"{planned.path}{' (there already)' if planned.there else ''} {planned.uid}{replaces}")
    text = f"{done.missing} of {len(done.objects)} objects {'to write' if dry_run else 'written'} -> {out}"
    say_done(bool(done.missing), text)
