"""The page of the exit codes."""

from outcomes.errors import MISTAKES
from scripts.docs.markdown import document, table


def page() -> str:
    """How every command can end."""
    rows = [
        (f"{mistake.exit_status}", f"`{code}`", mistake.what, mistake.remedy)
        for code, mistake in sorted(MISTAKES.items(), key=lambda item: item[1].exit_status)
    ]
    return document(
        "Exit codes",
        "Numbered once and never reused. `0` is success, `1` an unexpected error (named by type and place only), "
        "`2` a wrong use of the command line, `130` an interruption with Ctrl-C.",
        "10–39 refuse one submission: `outcomes ingest` names each on standard error, goes on with the others and then "
        "ends with 40. 40–59 and 70–99 say that a command cannot do what it was asked. 60–69 are defects of the "
        "pipeline itself.",
        table(("exit", "code", "what is wrong", "what to do"), rows),
    )
