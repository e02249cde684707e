"""The DAGs of this package, as Airflow's configuration names them: found wherever it is installed, versioned with it.

Nothing else imports this module, which needs Airflow.
"""

from pathlib import Path

from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion

from outcomes import __version__
from outcomes.sql.shipped import shipped


class PackagedDags(BaseDagBundle):  # type: ignore[misc]  # mypy does not read Airflow
    """Airflow's bundle of the DAGs that ship with this package.

    A run keeps the version of the package with which it began. A machine holds one version alone, so a task of another
    one fails there instead of doing by older rules what a newer run asked for, as on a worker that an upgrade forgot.
    """

    supports_versioning = True

    def initialize(self) -> None:
        """See that the version asked for is the one installed.

        Raises:
            RuntimeError: it is not.
        """
        if self.version not in (None, __version__):
            msg = (
                f"the run began with version {self.version} of outcomes, and {__version__} is installed here: upgrade "
                "this machine, or start a new run in the place of this one"
            )
            raise RuntimeError(msg)
        super().initialize()

    @property
    def path(self) -> Path:
        """The folder of the DAGs."""
        return shipped("dags")

    def get_current_version(self) -> BundleVersion:
        """The version of the package."""
        return BundleVersion(__version__)

    def refresh(self) -> None:
        """Nothing: who installs another version starts Airflow anew."""
