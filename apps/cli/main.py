"""The command line: every command by its name, and how it ends."""

import ctypes
import shlex
import signal
import sys
import traceback
import warnings
from importlib.metadata import version
from typing import Annotated, Any

import typer

from tsct.records.errors import InputError, ResourceError, TsctError, TsctWarning
from tsct.records.io import FULL

from .analyze import analyze
from .explore import explore
from .export import export
from .frames import frames
from .init import init, schema
from .lesson import lesson
from .options import say, show_everywhere
from .pdf import pdf
from .plan import plan
from .run import run
from .simulate import simulate
from .structures import structures_app
from .sweep import sweep
from .validate import validate

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    help="""Total-scattering computed tomography with a known truth: simulate a scan of a battery electrode from its
atoms, recover maps and pair distribution functions, and score what was recovered.

Start with `tsct run wragg2023 --quick -o out`, then open `out/report.html`. Make your own experiment with
`tsct init wragg2023 -o my.toml`, edit it, and `tsct run my.toml -o mine`.

Exit codes: 0 pass, 1 fail, 2 usage, 3 bad input, 4 inconclusive, 5 not enough resources, 70 a defect
of tsct, 130 interrupted.""",
)
for command in (run, simulate, frames, analyze, validate, plan, sweep, init, schema, export, pdf, explore, lesson):
    app.command()(command)
app.add_typer(structures_app, name="structures")
#: exit codes of a command that Ctrl-C or a batch system stopped: 128 plus the number of the signal
INTERRUPTED, TERMINATED = 130, 143


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tsct {version('tsct')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None: ...


#: warnings that were shown before
_SAID: set[str] = set()


def _say_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """A warning of ours is for the user and needs no place in the code."""
    ours = issubclass(category, TsctWarning)
    line = f"warning: {message}" if ours else f"warning: {filename}:{lineno}: {category.__name__}: {message}"
    # a scan is read for its composition, for the region and for the analysis
    if line not in _SAID:
        _SAID.add(line)
        say(line)


def _end_at_second_signal() -> None:
    """Let the first Ctrl-C or termination signal end the work in order, and the second one the process at once.

    Python answers a signal only between its own instructions, so not while a library is at work; the second one is
    therefore left to the operating system. What is ignored, as Ctrl-C is behind nohup, stays so.
    """
    numbers = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) != signal.SIG_IGN]

    def stop(number: int, frame: Any) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(TERMINATED)

    for number in numbers:
        signal.signal(number, stop)
        _once(number)


def _once(number: int) -> None:
    """Have the C library drop a handler after its first call, where it can (glibc): also a call that never returns."""
    try:
        install = ctypes.CDLL(None).sysv_signal
    except (OSError, TypeError, AttributeError):
        return
    install.argtypes, install.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
    install(number, install(number, None))


def main() -> None:
    """Run the command line; errors that a user can mend end in one line and their exit code."""
    show_everywhere()
    _end_at_second_signal()
    warnings.showwarning = _say_warning
    try:
        app()
    except TsctError as error:
        say(f"error: {' '.join(str(error).split())}")
        sys.exit(error.exit_code)
    except MemoryError:
        say("error: not enough memory for this; fewer --workers need less")
        sys.exit(ResourceError.exit_code)
    except OSError as error:
        say(f"error: {error.filename or 'a file'}: {error.strerror or error}")
        sys.exit((ResourceError if error.errno in FULL else InputError).exit_code)
    except SystemExit as end:
        if end.code in (INTERRUPTED, TERMINATED):
            words = (word for word in sys.argv[1:] if word != "--overwrite")
            say(f"interrupted; what is finished is kept, go on with: tsct {shlex.join(words)}")
        raise
    except Exception:
        # an exit code of its own: 1 is the verdict on a result
        traceback.print_exc()
        say("error: this is a defect of tsct, not of its input; please report it with the lines above")
        sys.exit(TsctError.exit_code)


if __name__ == "__main__":
    main()
