"""What a command's end means to a script, and how an error is said to a person.

Exceptions come in; a line or two on stderr and an exit code leave.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer
from typer.exceptions import TyperException

from turnout.errors import TurnoutError

#: Done, all of it.
GOOD = 0
#: Done, but events were refused or rollups differ; the output says which.
NOT_ALL_GOOD = 1
#: Not done: wrong usage, or it can't be done here and now.
CANNOT = 2
#: Stopped by Ctrl-C.
INTERRUPTED = 130

MEANINGS = {
    GOOD: "done",
    NOT_ALL_GOOD: "done, but not all is good: rejected events (import), differences or damage (check, backup …)",
    CANNOT: "not done: wrong usage, no server, no such thing, a taken port or data directory",
    INTERRUPTED: "stopped by Ctrl-C",
}


def run(command: Callable[[], object]) -> int:
    """Run a command and return its exit code. Errors end as `error: …` and a hint, never as a traceback."""
    try:
        code = command()
        sys.stdout.flush()
    except TurnoutError as error:
        return complain(error.message, field=error.field, hint=error.hint)
    except TyperException as error:
        return _usage(error)
    except typer.Abort:
        return complain("stopped")
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _enough()
    except SystemExit as end:
        # typer and rich turn a broken pipe into an end of their own.
        if isinstance(end.__context__, BrokenPipeError):
            return _enough()
        raise
    except OSError as error:
        return complain(_os_error(error))
    return code if isinstance(code, int) else GOOD


def _enough() -> int:
    """Whoever read our output has seen enough (`| head`): no error, and Python must not make it one at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return GOOD


def complain(message: str, *, field: str = "", hint: str = "") -> int:
    """Say what went wrong, and what to do, on stderr; the exit code of that is CANNOT."""
    where = f"{field}: " if field and field not in message else ""
    print(f"error: {where}{message}", file=sys.stderr)
    if hint:
        print(f"  {hint}", file=sys.stderr)
    return CANNOT


def _usage(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return CANNOT  # the help was written when the error was made
    message = error.format_message().strip().rstrip(".")
    path = context.command_path if context is not None else "turnout"
    return complain(message[:1].lower() + message[1:], hint=f"{path} --help says what there is")


def _os_error(error: OSError) -> str:
    words = (error.strerror or str(error)).lower()
    return f"{error.filename}: {words}" if error.filename else words
