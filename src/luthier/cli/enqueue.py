"""``luthier enqueue``: queue a point to be tried next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from luthier.cli.options import find_study, storage_option, study_argument
from luthier.cli.output import plain, write_json

if TYPE_CHECKING:
    from luthier.space.space import Space


@click.command("enqueue")
@study_argument(required=True)
@click.argument("assignments", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--params", "document", metavar="JSON", help="Params as a JSON mapping.")
@storage_option
def command(
    study: str,
    assignments: tuple[str, ...],
    document: str | None,
    storage: str | None,
    as_json: bool,
) -> None:
    """Queue params of STUDY to be tried next; the sampler chooses those that are not given.

    Example: luthier enqueue digits lr=0.001 optimizer=adam

    JSON: {study, number, params}
    """
    if not assignments and document is None:
        raise click.UsageError("Give params: NAME=VALUE ..., or --params JSON.")
    found = find_study(study, storage)
    space = found.space
    given = {} if document is None else _mapping(document)
    for assignment in assignments:
        name, value = _parse(assignment, space)
        if name in given:
            raise click.UsageError(f"{name!r} is given twice.")
        given[name] = value
    params = given if found.problem.dynamic else space.restore(given)
    number = found.enqueue_trial(params)
    if as_json:
        write_json({"study": found.name, "number": number, "params": params})
    else:
        click.echo(f"queued as trial {number}: {json.dumps(plain(params), ensure_ascii=False)}")


def _mapping(document: str) -> dict[str, Any]:
    try:
        data = json.loads(document)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--params") from error
    if not isinstance(data, dict):
        raise click.BadParameter('not a mapping such as {"lr": 0.1}', param_hint="--params")
    return data


def _parse(assignment: str, space: Space) -> tuple[str, Any]:
    from luthier.formats.document import parse_scalar
    from luthier.space.params import Categorical

    name, mark, text = assignment.partition("=")
    if not mark or not name:
        raise click.BadParameter(f"{assignment!r} is not NAME=VALUE", param_hint="NAME=VALUE")
    param = space.params.get(name)
    if isinstance(param, Categorical):
        # Choices such as "1" and "true" are texts that look like something else.
        parsed = parse_scalar(text)
        plain_choice = not isinstance(parsed, list) and parsed in param.choices
        return name, text if text in param.choices and not plain_choice else parsed
    return name, parse_scalar(text)
