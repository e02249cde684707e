"""Which way a mapping is guessed: from REDCap's data dictionary where there is one, else from headers and cells."""

from pathlib import Path

from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.intake.sources.engine import scratch_folder
from outcomes.intake.sources.files import open_file
from outcomes.intake.sources.guess import guess_mapping, readable_files
from outcomes.intake.sources.redcap import find_dictionary, read_dictionary
from outcomes.intake.sources.redcap_guess import guess_redcap, is_export
from outcomes.settings import Settings
from outcomes.sql.engine import connect


def mapping_template(settings: Settings, folder: Path, dictionary: Path | None = None) -> str:
    """The text of a mapping of a folder of files, to be read and completed by a person.

    Args:
        settings: paths and limits.
        folder: the extract.
        dictionary: REDCap's data dictionary; without it, that in the folder, if there is one.

    Raises:
        OutcomesError: source_malformed.
    """
    dictionary = dictionary or find_dictionary(folder)
    return guess_mapping(settings, folder) if dictionary is None else _of_redcap(settings, folder, dictionary)


@private_files()
def _of_redcap(settings: Settings, folder: Path, dictionary: Path) -> str:
    fields = read_dictionary(dictionary)
    paths = [path for path in readable_files(folder) if not path.samefile(dictionary)]
    with connect(settings) as con, scratch_folder(settings) as scratch:
        files = [open_file(con, path, f"file_{place}", scratch) for place, path in enumerate(paths)]
    exports = [file for file in files if is_export(fields, file.headers)]
    if not exports:
        record = fields[0]
        raise OutcomesError(
            "source_malformed",
            f"no file of the folder is an export of the project of {dictionary.name}: in its first column it has "
            f"{record.name}, or labelled {record.label}",
        )
    if len(exports) > 1:
        names = " and ".join(file.name for file in exports)
        raise OutcomesError("source_malformed", f"{names} are exports of one project; leave one in the folder")
    return guess_redcap(fields, exports[0])
