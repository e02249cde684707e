"""Every mistake that the pipeline names: a stable code, an exit status, what to do next.

Codes and exit statuses are numbered once and never reused: 10-39 refuse one submission, 40-59 and, since those are all
taken, 70-125 say that a command cannot do what it was asked, 60-69 are defects of the pipeline itself. A message names
the place (site, period, table, column, rule, counts) and never a value of a record.
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One kind of mistake: its exit status, what is wrong in one sentence, and what to do next."""

    exit_status: int
    what: str
    remedy: str


MISTAKES: dict[str, Mistake] = {
    # 10-39: a submission is refused
    "manifest_missing": Mistake(
        10, "the folder holds no manifest.json", "finish the delivery with `outcomes manifest DIR`"
    ),
    "manifest_malformed": Mistake(
        11, "manifest.json cannot be read as a manifest", "write it again with `outcomes manifest DIR`"
    ),
    "contract_version_unknown": Mistake(
        12, "this contract version is not known here", "deliver with a version that the contract page lists"
    ),
    "site_unknown": Mistake(
        13,
        "the site is not registered or is not the one of the folder",
        "correct site_id, or add the site to sites.csv",
    ),
    "period_mismatch": Mistake(
        14, "the manifest's period is not the one of the folder", "correct the period, or move the folder"
    ),
    "table_missing": Mistake(15, "a table that every submission needs is missing", "deliver it with the others"),
    "table_unknown": Mistake(16, "a file is not a table of the contract", "remove it from the submission"),
    "file_missing": Mistake(17, "a file that the manifest lists is missing", "deliver the file again"),
    "checksum_mismatch": Mistake(
        18, "a file's sha256 is not the one of the manifest", "deliver the file again, then write the manifest last"
    ),
    "file_empty": Mistake(
        19, "a file holds no rows", "deliver the rows, or leave the table out when there is nothing to send"
    ),
    "file_encoding": Mistake(20, "a file is not UTF-8", "export it as UTF-8"),
    "file_unreadable": Mistake(21, "a file cannot be read as CSV (RFC 4180) or Parquet", "export it again"),
    "column_missing": Mistake(22, "a column of the contract is missing", "add the column; it may be left empty"),
    "column_extra": Mistake(23, "a column is not in the contract", "remove the column; the contract is an allow-list"),
    "row_count_mismatch": Mistake(
        24, "a file's rows are not as many as the manifest says", "deliver the file again, then write the manifest last"
    ),
    "identifier_found": Mistake(
        25, "a value looks like an identifier of a person", "de-identify the extract and deliver it again"
    ),
    "age_over_89": Mistake(
        26,
        "an age above 90 was delivered, or one that becomes 90 within the days of follow-up",
        "give 90 to everyone who is 90 or over at surgery or becomes so during follow-up",
    ),
    "index_period_too_fine": Mistake(
        27,
        "index_period is finer than the de-identification method allows",
        "give YYYY under Safe Harbor, else YYYY-MM",
    ),
    "too_many_critical_rows": Mistake(
        28,
        "too large a share of a table breaks a critical rule",
        "correct the rows listed by rule and deliver again",
    ),
    "file_unlisted": Mistake(
        29, "a file is not listed in the manifest", "write the manifest again, or remove the file"
    ),
    "data_cut_common": Mistake(
        30,
        "one common date, of the data cut or of an event, fits the patients, so that the day of each surgery can be "
        "worked out",
        "give each patient a cut of their own: count data_cut_day from the last day of index_period, or shift each "
        "patient's cut back by its own random number of days (0 to 90 or more with months, 0 to 730 or more with "
        "years), and leave out later records; leave out what happened to everyone on one date",
    ),
    "submission_withdrawn": Mistake(
        31,
        "the submission was withdrawn",
        "deliver a corrected one, or put it in force again with `outcomes withdraw SITE PERIOD --undo`",
    ),
    "patient_forgotten": Mistake(
        32, "it names a patient who was erased on the patient's request", "remove the patient from the extract"
    ),
    "file_too_large": Mistake(
        33,
        "a file is larger than any site's can be: in bytes, rows, columns, the length of a line or what it unpacks to",
        "deliver what the contract asks for; a longer history can come as several months",
    ),
    "file_format": Mistake(
        35,
        "the folder holds something that is neither a table in CSV or Parquet nor the manifest",
        "export it as <table>.csv or <table>.parquet, not compressed, or take it out of the folder",
    ),
    "file_special": Mistake(
        36,
        "what was delivered is a link, a pipe or a device where a file or a folder should be",
        "deliver the file itself",
    ),
    "file_denied": Mistake(
        37, "a file may not be read by the user who runs this", "let that user read it, or deliver it as that user"
    ),
    # 40-59: a command cannot do what it was asked
    "submissions_refused": Mistake(40, "at least one submission was refused", "see `outcomes status` for each code"),
    "submission_unknown": Mistake(41, "there is no such submission folder", "see `outcomes status` for those landed"),
    "no_release": Mistake(
        42, "there is no such release", "run `outcomes release`, or name one of those in the folder of releases"
    ),
    "nothing_to_release": Mistake(43, "the lake holds no accepted submission", "run `outcomes ingest` first"),
    "patient_unknown": Mistake(44, "there is no such patient", "give SITE/PATIENT as in the marts"),
    "source_malformed": Mistake(45, "the source folder is not in the expected format", "see `outcomes import --help`"),
    "query_failed": Mistake(46, "the query could not be run", "check it against the codebook"),
    "folder_not_empty": Mistake(47, "the folder already holds something else", "name an empty folder"),
    "dashboards_missing": Mistake(48, "the dashboards' packages are not installed", "install outcomes[dashboards]"),
    "period_malformed": Mistake(49, "a period is not a month", "write it as YYYY-MM"),
    "value_set_malformed": Mistake(
        50,
        "the EQ-5D-5L value set cannot be read",
        "give a CSV with the columns profile (five digits from 1 to 5, each once) and index (a number)",
    ),
    "label_unknown": Mistake(51, "there is no label of this name", "see docs/labels.md for those there are"),
    "annotations_malformed": Mistake(
        52,
        "annotations.csv cannot be read",
        "correct the line; its columns are site_id, measure, period, kind (rebase or note), text, author and reason",
    ),
    "disclosure_risk": Mistake(
        53,
        "small counts of patients could be worked out from the protected tables, so nothing was published",
        "read docs/privacy.md, then raise OUTCOMES_MINIMUM_CELL_COUNT or report this as a defect",
    ),
    "login_needed": Mistake(
        54,
        "the dashboards hold data of real patients, but no login is set up",
        "set OUTCOMES_DASHBOARDS_LOGIN to oidc or proxy, see docs/access.md",
    ),
    "login_malformed": Mistake(
        55, "a setting that the chosen login needs is missing or not valid", "set it as docs/access.md says"
    ),
    "access_malformed": Mistake(
        56,
        "access.csv cannot be read",
        "correct the line; its columns are user, site_id and role (quality or clinical), a line per user and site, "
        "a user's role the same in all",
    ),
    "targets_malformed": Mistake(
        57,
        "targets.csv cannot be read",
        "correct the line; its columns are measure, target (a fraction from 0 to 1, of a rate events per 100 "
        "person-years), author and reason",
    ),
    "report_unknown": Mistake(
        58,
        "there is nothing to report: no kept release has data to that month, or the release does not have the site",
        "name a site of sites.csv and the month of a kept release",
    ),
    "reviews_malformed": Mistake(
        59,
        "the review queue's database cannot be used",
        "run the version of the dashboards that wrote it, or restore your backup",
    ),
    # 60-69: the pipeline contradicts itself; a defect, not bad input
    "rows_not_conserved": Mistake(60, "rows in are not rows accepted plus rows quarantined", "report this as a defect"),
    "rule_not_evaluated": Mistake(61, "a validation rule could not be evaluated", "report this as a defect"),
    # 70-125: a command cannot do what it was asked, as 40-59
    "definition_changed": Mistake(
        70,
        "the meaning of a definition changed under the same version",
        'raise the version with `make bump NAMES="…" WHY="…"` (NAMES=--all-changed for all), or take the change back',
    ),
    "access_log_broken": Mistake(
        71,
        "a line of the access log does not follow from the line before: one was changed, added or removed",
        "compare the log with your backup and with the chains that you noted",
    ),
    "access_log_unreadable": Mistake(
        72, "the access log cannot be read", "name the file, as the user that serves the dashboards"
    ),
    "threshold_unknown": Mistake(
        73, "there is no threshold of this name", "see sql/definitions/thresholds.yaml for those there are"
    ),
    "threshold_malformed": Mistake(74, "a threshold's value is not a number", "write it as NAME=5 or NAME=0.3"),
    "sites_malformed": Mistake(
        75, "sites.csv cannot be read", "mend the line; its columns are site_id and name, a line per site"
    ),
    "definition_malformed": Mistake(
        77, "a declaration in sql/ is incomplete or wrong", "correct the file as CONTRIBUTING.md says"
    ),
    "lake_damaged": Mistake(
        78,
        "the lake no longer holds what was committed to it",
        "run `outcomes repair`, which judges the submissions named again from where they landed",
    ),
    "delivery_replaced": Mistake(
        79, "the landing folder no longer holds this submission", "deliver it again, or restore your backup"
    ),
    "submission_moved_on": Mistake(
        99, "the submission was judged again, superseded or withdrawn meanwhile", "run the command again"
    ),
    "nothing_to_withdraw": Mistake(
        94, "no submission of this site and month is in force, or withdrawn", "see `outcomes status`"
    ),
    "time_malformed": Mistake(
        95, "it is neither a month nor a time", "write it as YYYY-MM, or as 2026-06-30T12:00:00+00:00"
    ),
    "home_missing": Mistake(
        83,
        "the folder of all data is missing or holds no data",
        "mount the disk or correct --home and OUTCOMES_HOME; a new one begins with its landing folder",
    ),
    "mapping_malformed": Mistake(
        84, "the mapping of an extract cannot be used", "correct the lines named; the pages in docs/sources say how"
    ),
    "subjects_malformed": Mistake(
        101,
        "the key file of subjects cannot be read",
        "correct the line; its columns are site_id, patient_id, subject_id (a whole number, each once) "
        "and index_date (YYYY-MM-DD, or empty), a line per patient",
    ),
    "source_identified": Mistake(
        100,
        "the source holds what identifies persons, so nothing was imported",
        "export it without these elements, or have them dropped as they are read with --strip-identifiers",
    ),
    "driver_missing": Mistake(
        102,
        "what reaches a database of this kind is not installed",
        "install outcomes[sqlalchemy], and the driver that SQLAlchemy has for the database",
    ),
    "database_failed": Mistake(
        103,
        "the database could not be reached or read",
        "try the address, the account and its rights with the database's own client",
    ),
    "engine_missing": Mistake(
        107,
        "the engine that OUTCOMES_ENGINE names is not installed",
        "install outcomes[spark] for sail, or pyspark and Java 17 for spark; or leave OUTCOMES_ENGINE unset",
    ),
    "periods_reversed": Mistake(85, "the first month comes after the last", "exchange --from and --to"),
    "doctor_failed": Mistake(86, "a check of `outcomes doctor` failed", "do what its line says"),
    "history_removed": Mistake(
        96,
        "what was in force at that time has been removed by `outcomes vacuum`",
        "name a later time, or a month; raise `--keep-days` of the next vacuum to keep more",
    ),
    "forgotten_unreadable": Mistake(
        97,
        "forgotten.jsonl or forgotten.key cannot be read, so nobody can tell who was erased",
        "restore both from your backup",
    ),
    "erasure_incomplete": Mistake(
        98,
        "some of what the site delivered could not be searched for the patient",
        "remove these folders or files, or deliver them again without the patient; then run `outcomes forget` again",
    ),
    "browser_missing": Mistake(
        104,
        "no browser that can print was found: Chromium, Chrome or Edge",
        "install one, or set OUTCOMES_BROWSER to its program; or print the report in HTML from any browser",
    ),
    "browser_failed": Mistake(
        105,
        "the browser did not print what it was given",
        "run it with --version as the account that runs the command; update it, or set OUTCOMES_BROWSER to another",
    ),
    "digests_malformed": Mistake(
        106,
        "digests.csv cannot be read",
        "correct the line; its columns are site_id and address (one e-mail address), a line per site and address",
    ),
    "release_outdated": Mistake(
        76, "the lake or the definitions have changed since the current release", "run `outcomes release` first"
    ),
    "release_damaged": Mistake(
        87,
        "a file of a release is missing, has changed, or is not one of its files",
        "restore its folder from a backup; or run `outcomes release`, which builds that of the present lake anew; or "
        "point `current` at a sound release with `outcomes rollback RELEASE`",
    ),
    "disk_full": Mistake(
        88,
        "the disk is full, or a limit on what may be stored is reached",
        "free space where OUTCOMES_HOME is, then run the command again",
    ),
    "not_writable": Mistake(
        89,
        "nothing can be written there: the disk is mounted read-only, or there is a file in the place of a folder",
        "correct OUTCOMES_HOME, or what is in that place, then run the command again",
    ),
    "access_denied": Mistake(
        90,
        "the account that runs the command may not read or write this",
        "give it the right to, or run the command as the account that owns OUTCOMES_HOME",
    ),
    "place_unreachable": Mistake(
        108,
        "an object store could not be reached, read or written",
        "see that the URL is right, and the environment's credentials and their rights (docs/object-storage.md)",
    ),
    "place_changed": Mistake(
        109, "another process wrote to the same place in an object store meanwhile", "run the command again"
    ),
    "key_unreadable": Mistake(
        111,
        "the key cannot be read as an Ed25519 key in PEM",
        "name the file; docs/federated.md says how to make one, without a passphrase",
    ),
    "package_malformed": Mistake(
        112, "this is no package of a federated study", "have it sent again; `outcomes package make` writes one"
    ),
    "package_not_trusted": Mistake(
        113,
        "the package was not signed with this key, or was changed since",
        "run nothing of it; ask who coordinates the study",
    ),
    "package_of_other_version": Mistake(
        114,
        "the package asks for other code, definitions or thresholds than there are here",
        "install the version that it names, or ask for a package of this one; a lower OUTCOMES_MINIMUM_CELL_COUNT "
        "shows smaller counts in all that you release: that is not for the study to decide",
    ),
    "result_malformed": Mistake(
        115, "this is no whole result of a package", "have it sent again; `outcomes package run` writes one"
    ),
    "result_of_other_package": Mistake(
        116, "the result answers another package", "ask the site to run the one that is merged"
    ),
    "results_overlap": Mistake(
        117, "a site is in more than one result", "leave out the older one, or let one of the sites take another id"
    ),
    "delivery_late": Mistake(
        80,
        "a delivery that deliveries.csv expects has not come by its day, or was refused and not delivered again",
        "ask the site for it; see `outcomes status` for those refused",
    ),
    "nothing_delivered": Mistake(
        81,
        "no site has delivered for this month, and none is expected any more",
        "see whether the landing folder is there and the sites can write to it",
    ),
    "deliveries_malformed": Mistake(
        82,
        "deliveries.csv cannot be read",
        "correct the line; its columns are site_id, first_period, last_period (or empty) and due_day (1 to 28, of the "
        "month after), a line per site",
    ),
    "quarantine_empty": Mistake(
        91,
        "no such row of a submission in force is in quarantine",
        "see `outcomes quarantine list` for what is there",
    ),
    "mended_file_malformed": Mistake(
        92,
        "a mended file does not fit the quarantine that it was exported from",
        "export again with `outcomes quarantine export`, and change nothing but cells of the tables",
    ),
    "delivery_not_in_force": Mistake(
        93,
        "the landing folder no longer holds the delivery whose rows are in quarantine",
        "run `outcomes ingest` on what has landed, then export its quarantine; or deliver the month again",
    ),
}

WITHDRAWAL_REASONS = {
    "wrong_data": "the site found that the data are wrong",
    "wrong_site": "the data are another site's",
    "wrong_month": "the data are another month's",
    "permission_ended": "the site may no longer share the data",
}
"""Why a submission may be withdrawn."""


class OutcomesError(Exception):
    """A named mistake.

    Args:
        code: a key of `MISTAKES`.
        where: the place, in words that hold no value of a record.
    """

    def __init__(self, code: str, where: str) -> None:
        mistake = MISTAKES[code]
        super().__init__(f"{code}: {mistake.what} ({where}). To do: {mistake.remedy}.")
        self.code = code
        self.where = where
        self.exit_status = mistake.exit_status
        self.what = mistake.what
        self.remedy = mistake.remedy

    def __reduce__(self) -> tuple[type["OutcomesError"], tuple[str, str]]:
        """Made again from what it was made of, when another process hands it over."""
        return type(self), (self.code, self.where)


class UnexpectedError(Exception):
    """An error that nobody named: its type and the place only, since the text of the original may quote a record."""


class SubmissionRefused(OutcomesError):  # noqa: N818 - refused is the word of the domain
    """A whole submission is refused; nothing of it enters the lake."""


_OF_THE_MACHINE = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.EROFS: "not_writable",
    errno.ENOTDIR: "not_writable",
    errno.EEXIST: "not_writable",
    errno.EISDIR: "not_writable",
    errno.EACCES: "access_denied",
    errno.EPERM: "access_denied",
}
_SPEAK_OF_FILES = (
    "OSError",
    "DeltaError",
    "CommitFailedError",
    "IOException",
    "FatalException",
    "OutOfMemoryException",
    "TransactionException",
)
"""Types, or their bases, of errors of libraries that quote the system's words and leave out its number."""

_NO_PLACE_TO_SPILL = "failed to offload data block"
"""DuckDB's words for a full disk while it sorts what does not fit into memory."""


def fault_of_the_machine(error: BaseException, where: str) -> OutcomesError | None:
    """The named mistake behind an error, if that is a full disk or a file that may not be written or read.

    Args:
        error: any error; those that it came from are looked at as well.
        where: what was being done, for when the error does not say which file.
    """
    for each in _and_its_causes(error):
        code = _OF_THE_MACHINE.get(_number(each))
        if code:
            file = getattr(each, "filename", None)
            return OutcomesError(code, f"{where}: {file}" if isinstance(file, str) else where)
    return None


def _and_its_causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _number(error: BaseException) -> int:
    """The system's number of an error; 0 when it is not one of the system's."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    if {kind.__name__ for kind in type(error).__mro__}.isdisjoint(_SPEAK_OF_FILES):
        return 0
    text = str(error)
    if _NO_PLACE_TO_SPILL in text:
        return errno.ENOSPC
    return next((number for number in _OF_THE_MACHINE if os.strerror(number) in text), 0)
