"""How the dashboards let people in, read from the environment (prefix `OUTCOMES_DASHBOARDS_`)."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from outcomes.errors import OutcomesError

_PREFIX = "OUTCOMES_DASHBOARDS_"
_NEEDS: dict[str, tuple[str, ...]] = {
    "none": (),
    "oidc": ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "public_url", "secret_key"),
    "proxy": ("proxy_address", "public_url"),
}
_SECRET_LENGTH = 32
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class DashboardSettings(BaseSettings):
    """The way to log in, and what that way needs.

    Raises:
        OutcomesError: `login_malformed` - a value does not fit, or the chosen login lacks one. The message names the
            variables, never their values.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True)

    login: Literal["none", "oidc", "proxy"] = "none"
    """The way to log in. `none` shows invented patients alone, to browsers of the same machine."""
    oidc_issuer: str = ""
    """The provider's issuer, exactly as its discovery document gives it."""
    oidc_client_id: str = ""
    """The client that the provider knows these dashboards as."""
    oidc_client_secret: SecretStr = SecretStr("")
    """The secret of that client."""
    user_claim: str = Field(default="sub", min_length=1)
    """The claim of the ID token that names the user in access.csv."""
    public_url: str = ""
    """What people type to get here: scheme, host and port. https, or http on loopback."""
    secret_key: SecretStr = SecretStr("")
    """Signs the session cookies: at least 32 characters, the same for every process."""
    proxy_address: str = ""
    """The address from which the proxy connects; nobody else is believed."""
    proxy_header: str = Field(default="X-Forwarded-User", pattern=r"^[A-Za-z0-9-]+$")
    """The header in which the proxy names the user; the proxy removes it from what browsers send."""
    cases: bool = False
    """Whether the pages that show single patients exist at all."""
    exports_per_minute: int = Field(default=30, ge=1)
    """How many files a user may download from each server process."""
    session_hours: int = Field(default=8, ge=1, le=24)
    """How long a login lasts, with `oidc`."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _malformed(str(problem["loc"][0]) for problem in error.errors() if problem["loc"]) from None

    @model_validator(mode="after")
    def _has_what_its_login_needs(self) -> Self:
        fits = {
            "oidc_issuer": _is_safe_url(self.oidc_issuer),
            "oidc_client_id": bool(self.oidc_client_id),
            "oidc_client_secret": bool(self.oidc_client_secret.get_secret_value()),
            "public_url": _is_safe_url(self.public_url) and urlsplit(self.public_url).path in ("", "/"),
            "secret_key": len(self.secret_key.get_secret_value()) >= _SECRET_LENGTH,
            "proxy_address": _is_address(self.proxy_address),
        }
        needed = [name for name in _NEEDS[self.login] if not fits[name]]
        if needed:
            raise _malformed(needed)
        return self

    @property
    def is_https(self) -> bool:
        """Whether people reach the dashboards through https."""
        return urlsplit(self.public_url).scheme == "https"


def _malformed(names: Iterable[str]) -> OutcomesError:
    return OutcomesError("login_malformed", ", ".join(f"{_PREFIX}{name}".upper() for name in names))


def _is_safe_url(text: str) -> bool:
    """Whether what is sent there cannot be read on the way: https, or http on this machine."""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return False
    if url.query or url.fragment or url.username or not url.hostname:
        return False
    return url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
