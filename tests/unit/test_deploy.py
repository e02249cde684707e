"""What deploy/ holds can be read by what it is meant for, names real settings, and is as closed as it says."""

import importlib.util
import re
import shutil
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.settings import DashboardSettings
from outcomes.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.parent.name != "secrets")
UNITS = sorted(path for path in (DEPLOY / "systemd").glob("outcomes-*") if path.is_file())
NAMES = [path.name.replace("@.", "@scheduler.") for path in UNITS]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
OF_CELERY = {
    "AIRFLOW__CELERY__BROKER_URL": True,
    "AIRFLOW__CELERY__RESULT_BACKEND": True,
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": False,
    "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": False,
}
"""Options of a provider that only the lock of Airflow holds, and whether they may come from a command."""


def words(pattern: str) -> set[str]:
    """What matches in any file of deploy/."""
    return {found for path in FILES for found in re.findall(pattern, path.read_text(encoding="utf-8"))}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8")))


def airflow_options() -> dict[str, bool]:
    """The variable of each of Airflow's options, and whether it is a secret, which may come from a command."""
    spec = importlib.util.find_spec("airflow")
    assert spec is not None
    assert spec.origin is not None
    described = Path(spec.origin).parent / "config_templates" / "config.yml"
    sections = yaml.safe_load(described.read_text(encoding="utf-8"))
    return {
        f"AIRFLOW__{section}__{option}".upper(): bool(options["options"][option].get("sensitive"))
        for section, options in sections.items()
        for option in options["options"]
    }


def test_every_variable_of_the_pipeline_is_a_setting() -> None:
    settings = {
        f"{each.model_config['env_prefix']}{name}".upper()
        for each in (Settings, DashboardSettings)
        for name in each.model_fields
    }
    named = words(r"\bOUTCOMES_[A-Z0-9_]+\b")
    assert named
    assert named <= settings


def test_every_variable_of_airflow_is_an_option_and_only_secrets_come_from_commands() -> None:
    options = airflow_options() | OF_CELERY
    named = words(r"\bAIRFLOW__\w+__\w+\b")
    of_the_chart = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text(encoding="utf-8"))["config"]
    named |= {f"AIRFLOW__{section}__{name}".upper() for section, given in of_the_chart.items() for name in given}
    from_commands = {name.removesuffix("_CMD") for name in named if name.endswith("_CMD")}
    assert {name.removesuffix("_CMD") for name in named} <= options.keys()
    assert from_commands
    assert all(options[name] for name in from_commands)


def test_what_a_worker_imports_ahead_is_there() -> None:
    named = words(r'"imports": \["([\w.]+)"\]')
    assert named
    assert all(find_spec(name) for name in named)


def test_every_image_is_pinned() -> None:
    own = {f"outcomes-airflow:{VERSION}", f"outcomes-dashboards:{VERSION}"}
    images = {service["image"] for service in compose()["services"].values()}
    bases = set(re.findall(r"^ARG PYTHON=(\S+)", (DEPLOY / "Containerfile").read_text(encoding="utf-8"), re.MULTILINE))
    assert own < images
    assert bases
    for image in (images - own) | bases:
        assert re.fullmatch(r"docker\.io/library/[a-z]+:\d+\.\d+(\.\d+)?(-slim)?-bookworm", image), image
    values = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text(encoding="utf-8"))
    assert values["images"]["airflow"]["tag"] == VERSION
    assert values["airflowVersion"] in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert words(r"outcomes-(?:pipeline|dashboards|airflow):([0-9.]+[0-9])") == {VERSION}


def test_the_images_are_built_from_hashed_locks_and_run_without_root() -> None:
    lines = (DEPLOY / "Containerfile").read_text(encoding="utf-8").splitlines()
    stages: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("FROM "):
            stages[line.split(" AS ")[1]] = [line]
        elif stages:
            stages[list(stages)[-1]].append(line)
    assert {line.split()[1] for lines in stages.values() for line in lines if line.startswith("FROM ")} <= {
        "${PYTHON}",
        *stages,
    }
    for lines in stages.values():
        users = [line for line in lines if line.startswith("USER ")]
        assert not users or users[-1] == "USER 50000"
        for line in lines:
            if " -r requirements/" in line:
                assert "--require-hashes" in line
            if line.startswith("COPY ") and "--from" not in line:
                assert all((ROOT / source).exists() for source in line.split()[1:-1]), line
    for part in ("pipeline", "dashboards", "airflow"):
        assert stages[part][0] == f"FROM runtime AS {part}"
        assert any(f"requirements/{part}.txt" in line for line in stages[f"{part}-packages"])
    assert "USER 50000" in stages["runtime"]


def test_the_build_gets_what_it_copies_and_no_data() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Containerfile").read_text(encoding="utf-8"), re.M))
    lines = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == {name for names in copied for name in names.split()}


@pytest.mark.parametrize("name", sorted(compose()["services"]))
def test_a_service_is_closed_and_watched(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    # An image of this project has its user in it.
    assert "build" in service or service["user"] not in ("root", "0")
    # The migration ends; the image of the dashboards brings its own check.
    assert "healthcheck" in service or name in ("airflow-migration", "dashboards")
    assert set(service.get("secrets", ())) <= compose()["secrets"].keys()
    assert all(volume.split(":")[0] in compose()["volumes"] for volume in service.get("volumes", ()))


def test_nothing_but_the_proxy_listens_beyond_this_machine() -> None:
    ports = {name: service["ports"] for name, service in compose()["services"].items() if "ports" in service}
    assert ports == {"airflow-api-server": ["127.0.0.1:8080:8080"], "proxy": ["443:8443"]}


def test_the_dashboards_believe_the_address_of_the_proxy_alone() -> None:
    services = compose()["services"]
    believed = services["dashboards"]["environment"]["OUTCOMES_DASHBOARDS_PROXY_ADDRESS"]
    assert services["proxy"]["networks"]["front"]["ipv4_address"] == believed
    header = DashboardSettings.model_fields["proxy_header"].default
    configured = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert configured.count(f"proxy_set_header {header} $remote_user;") == configured.count("location / {") == 1
    assert services["dashboards"]["networks"] == ["front"]
    assert {name for name, service in services.items() if "front" in service["networks"]} == {"dashboards", "proxy"}


def test_no_secret_stands_in_a_file_of_the_repository() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/deploy/secrets/", "/deploy/.env"} <= set(ignored)
    assert {secret["file"].split("/")[0] for secret in compose()["secrets"].values()} == {"secrets"}
    lines = (DEPLOY / "systemd" / "airflow.env").read_text(encoding="utf-8").splitlines()
    secret = [line for line in lines if re.search(r"(KEY|SECRET|CONN)=", line)]
    assert len(secret) == 4
    assert all("SECRET" in line.partition("=")[2] for line in secret)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units in a folder of their own, with programs that exist in the place of those of an installation."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("outcomes", "airflow", "backup.sh"):
        (programs / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    folder = tmp_path / "units"
    shutil.copytree(DEPLOY / "systemd", folder)
    for unit in folder.glob("*.service"):
        text = unit.read_text(encoding="utf-8")
        unit.write_text(text.replace("/opt/outcomes/bin", str(programs)), encoding="utf-8")
    return folder


def analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze with these units besides the machine's own."""
    environment = {"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    return subprocess.run(
        ["systemd-analyze", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("unit", NAMES)
def test_systemd_takes_the_unit(units: Path, unit: str) -> None:
    done = analyze(units, "verify", "--man=no", str(units / unit))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", [name for name in NAMES if name.endswith(".service")])
def test_a_unit_is_exposed_little(units: Path, unit: str) -> None:
    # In tenths: 10 is all open, and up to 2 systemd itself calls it ok.
    done = analyze(units, "security", "--offline=yes", "--threshold=20", str(units / unit))
    assert done.returncode == 0, done.stdout[-500:]


def test_the_programs_of_the_units_are_those_that_the_readme_installs() -> None:
    programs = {found for path in UNITS for found in re.findall(r"/opt/outcomes/\S+", path.read_text(encoding="utf-8"))}
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert programs == {"/opt/outcomes/bin/outcomes", "/opt/outcomes/bin/airflow", "/opt/outcomes/bin/backup.sh"}
    assert "/opt/outcomes/bin/backup.sh" in readme
    assert "python3 -m venv --without-pip /opt/outcomes" in readme
