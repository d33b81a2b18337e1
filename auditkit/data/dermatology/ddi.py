"""DDI, Diverse Dermatology Images: clinical photographs in three bands of skin tone, proven by pathology."""

from auditkit.data.dermatology.published import (
    Attributes,
    expected,
    files_by_name,
    listed,
    picture,
    published_folder,
    refuse_unknown_columns,
)
from auditkit.data.entry import Entry, Listing
from auditkit.data.rows import check_columns, read_table
from auditkit.spec.data_card import DataCard

TABLE = "ddi_metadata.csv"
MELANOMA = (
    "melanoma",
    "melanoma-acral-lentiginous",
    "melanoma-in-situ",
    "nodular-melanoma-(nm)",
)
# The paper's look-alikes. The column `malignant` is not the paper's label: it counts the atypical
# spindle cell nevus of Reed as malignant.
LOOK_ALIKES = (
    "acral-melanotic-macule",
    "atypical-spindle-cell-nevus-of-reed",
    "benign-keratosis",
    "blue-nevus",
    "dermatofibroma",
    "dysplastic-nevus",
    "epidermal-nevus",
    "hyperpigmentation",
    "inverted-follicular-keratosis",
    "keloid",
    "melanocytic-nevi",
    "nevus-lipomatosus-superficialis",
    "pigmented-spindle-cell-nevus-of-reed",
    "seborrheic-keratosis",
    "seborrheic-keratosis-irritated",
    "solar-lentigo",
)
PAPER_COUNT, WHOLE = 282, 656
ATTRIBUTES = Attributes(
    known=("skin_tone", "malignant", "disease"), groups=("skin_tone",), features=()
)


def listing(card: DataCard) -> Listing:
    """The pictures with their disease; skin tone is 12, 34 or 56 (Fitzpatrick types).

    Raises:
        AuditError: the folder or the table is missing, or the table lacks a column.
    """
    refuse_unknown_columns(card, ("label",))
    address = "https://ddi-dataset.github.io"
    root = published_folder(card, "DDI", address, f"{TABLE} and the pictures beside it")
    table, rows = root / TABLE, read_table(root / TABLE)
    label = card.columns.label if "label" in card.columns.model_fields_set else "disease"
    check_columns(table, rows[0].cells, ("DDI_file", *ATTRIBUTES.known, label))
    groups, features = ATTRIBUTES.chosen(card, table)
    files = files_by_name(root, (".", "images"), (".png", ".jpg", ".jpeg"))
    entries: list[Entry] = []
    for row in rows:
        cells, where = row.cells, f"{table}:{row.line}"
        if card.filter == "paper" and cells["disease"] not in (*MELANOMA, *LOOK_ALIKES):
            continue
        name = cells["DDI_file"].removesuffix(".png")
        entries.append(
            Entry(
                id=cells["DDI_file"],
                where=where,
                label=cells[label],
                picture=picture(files, (name,), where, root),
                groups={group: cells[group] for group in groups},
                features={feature: cells[feature] for feature in features},
            )
        )
    positive = MELANOMA if card.filter == "paper" and label == "disease" else ()
    return listed(table, entries, expected(card, {"": PAPER_COUNT}, WHOLE), positive)
