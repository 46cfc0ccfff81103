"""The command `mammomap`, but `segment` finds painted spots and needs no net: for tests of what goes on around it.

    python painted_mammomap.py LOG segment FOLDER --model X -o OUT

Every other verb is the true one. LOG gets a line a call of `segment`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> None:
    log, verb, *rest = sys.argv[1:]
    if verb != "segment":
        from mammomap.cli import main as verbs

        verbs([verb, *rest], prog_name="mammomap")
        return
    import pydicom
    from made.results import write_results

    from mammomap.masks.mg_header import refusal

    folder, out = Path(rest[0]), Path(rest[rest.index("-o") + 1])
    films = {}
    for path in sorted(folder.iterdir()):
        header = pydicom.dcmread(path)
        if not refusal(header):
            films[f"film-{header.SOPInstanceUID[-12:]}"] = path
    write_results(out, films, model=rest[rest.index("--model") + 1])
    with open(log, "a") as file:
        file.write(f"{header.StudyInstanceUID}\n")


if __name__ == "__main__":
    main()
