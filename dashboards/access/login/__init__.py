"""Who is asking. Every request but /healthz is admitted here, with a scope, or answered here."""

from collections.abc import Callable

from flask import Flask, g, request
from werkzeug.wrappers import Response

from dashboards.access.log import AccessLog
from dashboards.access.login import answers, none, oidc, proxy
from dashboards.access.login.ended import EndedSessions
from dashboards.access.login.register import Register
from dashboards.access.scope import Denied, Scope, UnknownUser
from dashboards.settings import DashboardSettings
from outcomes.errors import OutcomesError
from outcomes.settings import Settings

_OPEN = "/healthz"


def install(
    flask: Flask,
    settings: Settings,
    dashboard_settings: DashboardSettings,
    is_synthetic: Callable[[], bool | None],
    sites: Callable[[], frozenset[str]],
) -> None:
    """Ask every request who it comes from, and give those admitted their scope (`access.scope.current_scope`).

    `Denied`, wherever it is raised while a request is answered, becomes a page with status 403. Who is not in the
    register gets one too, and leaves a line in the access log.

    Args:
        flask: the application.
        settings: where the register of users and the access log are.
        dashboard_settings: the way to log in.
        is_synthetic: whether all kept releases' patients are invented; None before the first release. Asked with
            every request when nobody logs in.
        sites: those of the current release, for when nobody logs in.

    Raises:
        OutcomesError: `login_needed` - real patients and no login; `access_malformed` - the register cannot be read.
    """
    log = AccessLog(settings.access_log)
    admit = _admission(flask, settings, dashboard_settings, is_synthetic, sites)

    def ask() -> Response | None:
        if request.path == _OPEN:
            return None
        try:
            admitted = admit()
        except OutcomesError as error:
            if error.code != "access_malformed":
                raise
            flask.logger.error("nobody is let in: %s", error)
            return answers.unreadable_register()
        except UnknownUser as unknown:
            log.record(Scope(unknown.user, frozenset(), "quality"), "denied: not in the register", None, 0)
            return answers.unknown_user(unknown.user, has_log_out=dashboard_settings.login == "oidc")
        if isinstance(admitted, Scope):
            g.scope = admitted
            return None
        return admitted

    flask.before_request(ask)
    flask.register_error_handler(Denied, lambda _: answers.denied())


def _admission(
    flask: Flask,
    settings: Settings,
    dashboard_settings: DashboardSettings,
    is_synthetic: Callable[[], bool | None],
    sites: Callable[[], frozenset[str]],
) -> Callable[[], Scope | Response | None]:
    """The chosen way to admit a request; it gives None for those that are part of the login itself."""
    if dashboard_settings.login == "none":
        return none.admission(is_synthetic, sites)
    register = Register(settings.access_file)
    if dashboard_settings.login == "proxy":
        return proxy.admission(register, dashboard_settings.proxy_address, dashboard_settings.proxy_header)
    return oidc.admission(flask, register, EndedSessions(settings.ended_sessions_file), dashboard_settings)
