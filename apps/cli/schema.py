"""`tsct schema`: what a TOML file may say, for editors."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from tsct.records.paths import file_must_be_free

from .options import ReplaceOption, say


def schema(
    kind: Annotated[
        Literal["experiment", "mapping"], typer.Argument(help="Of an experiment, or of a mapping for `tsct analyze`.")
    ] = "experiment",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; printed if omitted.")] = None,
    overwrite: ReplaceOption = False,
) -> None:
    """Write the JSON schema of a TOML file, by which editors complete and check its keys.

    Editors that know TOML (VS Code with Even Better TOML, Neovim or Helix with Taplo) read it when the first line of
    the file is `#:schema ./FILE`, as `tsct init -o my.toml` writes it.
    """
    from tsct.apps.run.json_schemas import as_text, experiment_schema, mapping_schema
    from tsct.records.io import write_text

    text = as_text(experiment_schema() if kind == "experiment" else mapping_schema())
    if output is None:
        sys.stdout.write(text)
        return
    file_must_be_free(output, overwrite=overwrite)
    write_text(output, text)
    say(f"wrote {output}; the first line of a TOML file beside it: #:schema ./{output.name}")
