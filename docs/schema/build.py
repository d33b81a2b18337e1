"""Write the published JSON Schemas from the typed specs. Run after changing a spec, a card or the results."""

import json
from pathlib import Path

from auditkit.results import results_schema
from auditkit.spec.schema import KINDS, schema


def main() -> None:
    """Write one file per schema beside this script."""
    found = {kind: schema(kind) for kind in KINDS}
    found["results"] = results_schema()
    for kind, content in found.items():
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (Path(__file__).parent / f"{kind}.schema.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
