"""`tsct init`: a commented TOML to start from."""

import sys
from pathlib import Path
from typing import Annotated

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
