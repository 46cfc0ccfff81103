"""From DICOM files to a page by the two verbs: the key is found, and nothing of the headers gets into the page."""

from pathlib import Path

import numpy as np
from click.testing import CliRunner
from made.dicom_films import film, save

from mammomap.cli import main
from mammomap.masks.key import read_key
from mammomap.phantom import draw

PLANTED = ("Planted^Name", "PLANTED-ID", "20200101", "PLANTED-ACC", "planted-folder")


def test_two_verbs_and_no_word_of_the_headers(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    for number, drawn in enumerate(draw(np.random.default_rng(3), rows=400)[:2]):
        header = {"PatientName": "Planted^Name", "AccessionNumber": "PLANTED-ACC"}
        made = film(drawn.image, "PLANTED-ID", drawn.side[0], drawn.view, **header)
        save(made, tmp_path / "planted-folder" / f"PLANTED-ID_{number}.dcm")
    (tmp_path / "planted-folder" / "letter.txt").write_text("Planted^Name")
    words = ["segment", tmp_path / "planted-folder", "--model", "blob", "--rows", "200", "-o", tmp_path / "maps"]
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(main, ["view", str(tmp_path / "maps"), "-o", str(tmp_path / "page")])
    assert done.exit_code == 0 and "2 with their pixels" in done.stdout, done.output
    key = (tmp_path / "maps.key.json").read_text()
    films = read_key(tmp_path / "maps.key.json").films.values()
    words = [*PLANTED, *(uid for film in films for uid in (film.study_uid, film.instance_uid) if uid)]
    assert {"PLANTED-ID", "planted-folder", words[-1]} <= {word for word in words if word in key}
    for path in (tmp_path / "page").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not [word for word in words if word.encode() in content + path.name.encode()], path
