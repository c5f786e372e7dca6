"""The group of verbs, and what an error becomes: one line and an exit code."""

from __future__ import annotations

import sys

import click

from sleepdask import __version__
from sleepdask.cli.group import LazyGroup
from sleepdask.cli.output import REFUSED, WITH_FINDINGS, refuse
from sleepdask.errors import SleepdaskError, StudyStoppedError

_VERBS = {
    "info": "Show what a recording holds; reads no sample.",
    "diagnose": "Look at recordings, whole folders of them: what is odd, and what reading makes of it.",
    "convert": "Store recordings in Zarr, from which they are read again with the same bits.",
    "quality": "Judge every channel of a recording: flat, clipped, missing, power line, artefacts.",
    "extract": "Compute features of every epoch of a recording.",
    "features": "List the features there are, with units, definitions and parameters.",
    "study": "Do it for many recordings: find, check, run, resume, report.",
    "hypnogram": "Show the sleep stages that a file scores, and write them in another format.",
    "deidentify": "Copy recordings without what identifies people; samples stay byte for byte.",
    "demo": "Make a synthetic night, or take a recording, and run the whole job on it.",
    "simulate": "Make synthetic cohorts, some of their files with known faults.",
    "tls": "Make certificates for a cluster of your own.",
}
_INTERRUPTED = 130


@click.group(
    cls=LazyGroup, verbs=_VERBS, package="sleepdask.cli", context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="sleepdask")
def cli() -> None:
    """Look at sleep recordings, store them, and compute features of one, or of all that a study has.

    Exit codes: 0 done, 2 refused (usage or input), 3 done with findings or failures, 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    try:
        code = cli.main(arguments, prog_name="sleepdask", standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("sleepdask: interrupted", err=True)
        code = _INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = REFUSED
    except click.ClickException as error:
        code = refuse(error.format_message())
    except StudyStoppedError as error:
        refuse(str(error))
        code = WITH_FINDINGS
    except SleepdaskError as error:
        code = refuse(str(error))
    except MemoryError:
        code = refuse("out of memory; use fewer workers, longer epochs or fewer channels")
    except BrokenPipeError:
        code = REFUSED
    sys.exit(code or 0)
