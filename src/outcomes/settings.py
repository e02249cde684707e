"""Every path and threshold that a site may set, read from the environment (prefix `OUTCOMES_`)."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Url = Annotated[str, Field(pattern=r"^(s3|gs|az|abfss?)://[^:?#\s]+[^:?#\s/]$")]
"""Of a place in an object store, without credentials: those are the environment's."""


class Settings(BaseSettings):
    """Paths and thresholds of one installation. `OUTCOMES_HOME` is the one folder that holds all data, but for what
    is in an object store."""

    model_config = SettingsConfigDict(env_prefix="OUTCOMES_", frozen=True)

    home: Path = Path("data")
    """The one folder that holds all data, of this machine's file system."""
    lake_url: Url | None = None
    """Where the lake is, if in an object store, with the locks of all machines that use it (docs/object-storage.md)."""
    releases_url: Url | None = None
    """Where the releases are, if in an object store."""
    landing_url: Url | None = None
    """Where sites deliver, `<site>/<period>/`, if in an object store."""
    quarantine_url: Url | None = None
    """Where refused rows are, if in an object store."""
    max_critical_share: float = Field(default=0.05, ge=0, le=1)
    """Share of a table's rows that may break a critical rule before the whole submission is refused."""
    minimum_cell_count: int = Field(default=11, ge=5)
    """The smallest count of patients that may be shown (10 and fewer are hidden)."""
    releases_kept: int = Field(default=5, ge=1)
    """How many releases stay, the last published."""
    refused_days: int = Field(default=30, ge=1)
    """How long a delivery stays in landing that was refused or never finished: it may identify patients."""
    quarantine_days: int = Field(default=400, ge=1)
    """How long rows stay in quarantine, and in landing a delivery that was withdrawn."""
    release_without_damaged: bool = False
    """Whether a release goes on without submissions whose rows in the lake are damaged, and says so, or is refused."""
    browser: Path | None = None
    """The browser that prints reports, Chromium or one of its kin, where it is not on PATH."""
    threads: int = Field(default=2, ge=1)
    """Of a query, and the processes in which many submissions are taken in side by side."""
    memory_limit: str = "4GB"
    """How much memory the database of one process may take; beyond it, it spills to disk."""
    engine: Literal["duckdb", "sail", "spark"] = "duckdb"
    """What runs the SQL of labels and measures: DuckDB itself, Sail in this process, or Spark (docs/engines.md)."""
    eq5d_value_set: Path | None = None
    """CSV (profile, index) of the country's EQ-5D-5L value set. Without it the index stays empty."""
    log: Literal["off", "stderr", "file"] = "off"
    """Where each step of ingest and release is logged, one JSON object a line: nowhere, standard error, or a file."""

    @field_validator("home")
    @classmethod
    def _is_no_url(cls, home: Path) -> Path:
        """A URL would pass for a folder of that name; what can be at one has a variable of its own."""
        if home.parts and home.parts[0].endswith(":"):
            raise ValueError
        return home

    @field_validator("lake_url", "releases_url", "landing_url", "quarantine_url")
    @classmethod
    def _is_apart(cls, url: str | None, info: ValidationInfo) -> str | None:
        """What is in one place would pass for something of another that lies around it."""
        others = [f"{other}/" for name, other in info.data.items() if name.endswith("_url") and other]
        if url and any(f"{url}/".startswith(other) or other.startswith(f"{url}/") for other in others):
            raise ValueError
        return url

    @property
    def landing(self) -> Path:
        """Where sites deliver: `landing/<site>/<period>/`. With `OUTCOMES_LANDING_URL` below `copies`."""
        return (self.copies if self.landing_url else self.home) / "landing"

    @property
    def lake(self) -> Path:
        """The Delta tables of accepted rows, unless they are at `OUTCOMES_LAKE_URL`."""
        return self.home / "lake"

    @property
    def copies(self) -> Path:
        """Copies of objects that this machine has read; each can be fetched again."""
        return self.home / "copies"

    @property
    def quarantine(self) -> Path:
        """Refused rows with their rule codes: `quarantine/<site>/<period>/<submission_id>/<table>.parquet`. With
        `OUTCOMES_QUARANTINE_URL` below `copies`."""
        return (self.copies if self.quarantine_url else self.home) / "quarantine"

    @property
    def releases(self) -> Path:
        """Published releases; `releases/current` points at one. With `OUTCOMES_RELEASES_URL` below `copies`."""
        return (self.copies if self.releases_url else self.home) / "releases"

    @property
    def labelled(self) -> Path:
        """The labelling of the last release, so that the next labels only patients with new records."""
        return self.home / "labelled"

    @property
    def sites_file(self) -> Path:
        """The register of sites (site_id, name). Without it every landing folder is a site."""
        return self.home / "sites.csv"

    @property
    def deliveries_file(self) -> Path:
        """Which months each site delivers, and by which day (site_id, first_period, last_period, due_day). Without it
        no delivery is late."""
        return self.home / "deliveries.csv"

    @property
    def annotations_file(self) -> Path:
        """Notes on control charts and the months from which they start anew (site_id, measure, period, kind, text,
        author, reason). It need not exist."""
        return self.home / "annotations.csv"

    @property
    def withdrawn_annotations_file(self) -> Path:
        """What annotations.csv held and was taken back on a page of the dashboards: the columns of that file, and
        withdrawn_on, withdrawn_by and withdrawn_reason. No release reads it."""
        return self.home / "annotations_withdrawn.csv"

    @property
    def targets_file(self) -> Path:
        """What measures should reach (measure, target, author, reason). It need not exist."""
        return self.home / "targets.csv"

    @property
    def locks(self) -> Path:
        """Locks that processes hold on a submission, or on the lake while they commit."""
        return self.home / "locks"

    @property
    def forgotten_file(self) -> Path:
        """Which patients were erased on their request, by a keyed hash alone, when, and how many rows."""
        return self.home / "forgotten.jsonl"

    @property
    def forgotten_key(self) -> Path:
        """The key of those hashes. Without it nobody can tell a forgotten patient from another."""
        return self.home / "forgotten.key"

    @property
    def lake_lock(self) -> Path:
        """The lock of whoever writes to the lake; its name is none that a site can have."""
        return self.locks / "lake.lock"

    @property
    def scratch(self) -> Path:
        """What is written on the way to something, and what the database spills to disk."""
        return self.home / "tmp"

    @property
    def crosswalks(self) -> Path:
        """Which random key an imported patient got, `crosswalks/<site>.csv`; it never leaves the site."""
        return self.home / "crosswalks"

    @property
    def answer_key(self) -> Path:
        """What was planted in an invented registry: faults.parquet, submissions.parquet, and `earlier_deliveries/`."""
        return self.home / "answer_key"

    @property
    def reports(self) -> Path:
        """Reports and digests that were written: `reports/<site>/`, by month or release."""
        return self.home / "reports"

    @property
    def digests_file(self) -> Path:
        """To whom the digest of a site goes by e-mail (site_id, address). Without it nothing is sent."""
        return self.home / "digests.csv"

    @property
    def access_file(self) -> Path:
        """Who may see which site in the dashboards (user, site_id, role), needed as soon as users log in."""
        return self.home / "access.csv"

    @property
    def ended_sessions_file(self) -> Path:
        """Which sessions of the dashboards are over before their hour; every server process reads it."""
        return self.home / "ended_sessions.jsonl"

    @property
    def access_log(self) -> Path:
        """Which user of the dashboards saw what, and when."""
        return self.home / "logs" / "access.jsonl"

    @property
    def event_log(self) -> Path:
        """What ingest and release did, when `log` is `file`."""
        return self.home / "logs" / "events.jsonl"

    @property
    def reviews_file(self) -> Path:
        """What the sites' teams made of their signals, as the dashboards' review queue writes it."""
        return self.home / "reviews.sqlite"
