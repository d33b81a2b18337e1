"""junit.xml with pseudonyms, and without the name of the machine."""

from xml.etree import ElementTree as ET

from auditkit.errors import AuditError
from auditkit.results.folder import JUNIT
from auditkit.sharing.renaming import Renaming


def renamed_junit(content: bytes, renaming: Renaming) -> bytes:
    """Every text and attribute, renamed.

    Raises:
        AuditError: it is not XML.
    """
    try:
        root = ET.fromstring(content)  # noqa: S314 expat, which limits the expansion of entities
    except ET.ParseError as error:
        raise AuditError(f"{JUNIT} cannot be read as XML: {error}; remove it") from error
    for element in root.iter():
        element.attrib.pop("hostname", None)
        for name, value in element.attrib.items():
            element.attrib[name] = renaming.text(value)
        element.text = renaming.text(element.text) if element.text else element.text
        element.tail = renaming.text(element.tail) if element.tail else element.tail
    found: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return found
