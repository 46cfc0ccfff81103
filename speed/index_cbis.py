"""How long `mammomap index` takes for all 10,239 files of CBIS-DDSM: the first time, the second, and after a change.

    python speed/index_cbis.py PATH/cbis_ddsm_tables

The tree is that of the tests (real names and headers, a few pixels a file) in the layout of UID folders; each call is
a process of its own, as typed. Headers alone are read, so the size of the pixels does not matter on a local disk.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from made import full_tree  # noqa: E402


def main(tables: Path) -> None:
    """Print seconds for each of the three calls."""
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / "tree", Path(folder) / "tables"
        listed = full_tree.files(tables)
        masters = full_tree.write_masters(Path(folder) / "files", listed)
        full_tree.lay_out(root, "uid folders", listed, masters, tables)
        command = [sys.executable, "-m", "mammomap", "index", str(root), "-o", str(out)]
        print(f"{len(listed)} files")
        for call in ("first", "second", "after 100 files have changed"):
            if call.startswith("after"):
                for master in masters[:100]:
                    master.touch()
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            print(f"{call}: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
