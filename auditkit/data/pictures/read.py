"""One way into every kind of picture file."""

from pathlib import PurePath

from auditkit.data.dataset import Mask, Picture
from auditkit.data.pictures import raster
from auditkit.data.pictures.grey import grey_rgb, windowed
from auditkit.data.source import FileSource, Source
from auditkit.errors import AuditError
from auditkit.spec.data_card import Pictures

DICOM, NIFTI = (".dcm", ".dicom"), (".nii", ".nii.gz")
SUFFIXES = (*raster.SUFFIXES, *DICOM, *NIFTI)


def read_picture(source: Source, where: str, options: Pictures) -> Picture:
    """A picture as 8-bit RGB (height, width, 3); what the card does not declare is refused.

    Args:
        source: the file; its suffix says whether it is DICOM or NIfTI.
        where: file and line that named it, for the message.
        options: conversions, window, slice and frame as the card declares them.

    Raises:
        AuditError: the file is missing, damaged, no picture, or not what was declared.
    """
    name = PurePath(source.name).name.lower()
    if name.endswith(DICOM):
        from auditkit.data.pictures.dicom import read_dicom

        return read_dicom(_file(source, where), where, options)
    if name.endswith(NIFTI):
        from auditkit.data.pictures.nifti import read_plane

        what = f"{where}: picture {source.name}"
        if options.window is None:
            raise AuditError(
                f"{what} is NIfTI; declare which values become black and white (pictures: {{window: "
                "[low, high]}}) or 'window: percentiles'"
            )
        plane = read_plane(_file(source, where), where, options)
        return grey_rgb(windowed(plane, options.window, what))
    return raster.read_raster(source, where, options)


def read_mask(source: Source, shape: tuple[int, int], where: str, options: Pictures) -> Mask:
    """A mask in a file: non-zero is inside. NIfTI masks are cut as the pictures are.

    Raises:
        AuditError: as `read_picture`, or its size is not that of the picture.
    """
    name = PurePath(source.name).name.lower()
    if name.endswith(DICOM):
        raise AuditError(f"{where}: mask {source.name} is DICOM; save it as a grey PNG or NIfTI")
    if name.endswith(NIFTI):
        from auditkit.data.pictures.nifti import read_plane

        mask: Mask = read_plane(_file(source, where), where, options) != 0
    else:
        mask = raster.read_raster_mask(source, where, options)
    if mask.shape != shape:
        raise AuditError(
            f"{where}: mask {source.name} has {mask.shape[1]} x {mask.shape[0]} pixels, its picture "
            f"{shape[1]} x {shape[0]}; a mask must have its picture's size"
        )
    return mask


def _file(source: Source, where: str) -> FileSource:
    if not isinstance(source, FileSource):
        raise AuditError(
            f"{where}: {source.name} is DICOM or NIfTI inside another file; save it as a file of its own"
        )
    return source
