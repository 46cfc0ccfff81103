"""What bfloat16 does to maps, from what `precision.py` kept; needs no film and no torch.

python study/precision_table.py
"""

from __future__ import annotations

import json
from pathlib import Path

KEPT = Path(__file__).parent / "nets" / "precision.json"


def show(path: Path) -> str:
    """The table, in Markdown."""
    kept = json.loads(path.read_text())
    text = [
        f"{kept['net']} with {kept['encoder']}, {kept['source']}, split `{kept['split']}`, part test: {kept['films']} "
        f"films of {kept['women']} women; {kept['device']}.",
        "",
        "| map | mean difference in the breast | largest of any pixel | largest of a film's highest pixel |",
        "|---|---|---|---|",
    ]
    for layer, its in kept["layers"].items():
        text.append(f"| {layer} | {its['mean']:.5f} | {its['largest']:.3f} | {its['highest pixel']:.3f} |")
    return "\n".join(text)


if __name__ == "__main__":
    print(show(KEPT))
