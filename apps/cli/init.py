"""`tsct init` and `tsct schema`: a commented TOML to start from, and what one may say, for editors."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from tsct.records.paths import file_must_be_free

from .options import ReplaceOption, say


def init(
    preset: Annotated[str, typer.Argument(help="Which preset to start from.")] = "wragg2023",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; printed if omitted.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Only say which presets there are.")] = False,
    overwrite: ReplaceOption = False,
) -> None:
    """Write a commented TOML to start from, and beside it the schema by which editors complete and check its keys."""
    from tsct.apps.run.json_schemas import DIRECTIVE, write_schema
    from tsct.apps.run.toml_tables import preset_text, preset_titles
    from tsct.records.io import write_text

    if list_:
        titles = preset_titles()
        width = max(map(len, titles))
        for name, title in titles.items():
            typer.echo(f"{name:<{width}}  {title}")
        return
    text = preset_text(preset)
    if output is None:
        sys.stdout.write(text)
        return
    file_must_be_free(output, overwrite=overwrite)
    beside = write_schema(output.parent)
    write_text(output, DIRECTIVE + text if beside else text)
    say(f"wrote {output}; next: tsct run {output} -o out")


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
