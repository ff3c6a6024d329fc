"""`imagehost users` and `imagehost keys`: accounts and their API keys, for whoever runs the server."""

import re

import click

from imagehost.cli.running import running_services
from imagehost.cli.runtime import fail, reported
from imagehost.models import SCOPES, USERNAME_PATTERN, Scope
from imagehost.services.facade import Services
from imagehost.web.body import validate
from imagehost.web.present import to_time
from imagehost.web.schemas import ApiKeyRequest


@click.group()
def users() -> None:
    """Accounts."""


@users.command("create")
@click.argument("username")
@reported
def create_user(username: str) -> None:
    """Make an account, and print its id and the token of its first API key."""
    if re.fullmatch(USERNAME_PATTERN, username) is None:
        fail("A user name has 1 to 32 characters a-z 0-9 _ -, and begins and ends with a letter or digit.", 2)
    with running_services() as services:
        uid = services.accounts.create(username).uid
        click.echo(f"uid    {uid}\ntoken  {services.accounts.issue_key(uid, 'first key').token}")


@click.group()
def keys() -> None:
    """API keys. USER is a user name or the id of an account."""


@keys.command("create")
@click.argument("user")
@click.option("--name", default="command line", show_default=True)
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Repeatable; all when not given.")
@click.option("--expires-in-s", type=int, help="Seconds until it expires; never when not given.")
@reported
def create_key(user: str, name: str, scopes: tuple[Scope, ...], expires_in_s: int | None) -> None:
    """Make an API key and print its token, which is shown this once."""
    wanted = validate({"name": name, "scopes": scopes or SCOPES, "expires_in_s": expires_in_s}, ApiKeyRequest)
    with running_services() as services:
        issued = services.accounts.issue_key(
            _uid(services, user), wanted.name, scopes=wanted.scopes, expires_in_s=wanted.expires_in_s
        )
        click.echo(issued.token)


@keys.command("list")
@click.argument("user")
@reported
def list_keys(user: str) -> None:
    """List the API keys of an account."""
    with running_services() as services:
        for api_key in services.accounts.get_profile(_uid(services, user)).api_keys:
            expires = to_time(api_key.expires_at_ms) if api_key.expires_at_ms else "never"
            click.echo(f"{api_key.kid}  expires {expires}  {','.join(api_key.scopes)}  {api_key.name}")


@keys.command("revoke")
@click.argument("user")
@click.argument("kid")
@reported
def revoke_key(user: str, kid: str) -> None:
    """Revoke an API key, durably."""
    with running_services() as services:
        services.accounts.revoke_key(_uid(services, user), kid)
        click.echo(f"{kid} is revoked")


def _uid(services: Services, user: str) -> str:
    if (uid := services.accounts.find_uid(user)) is None:
        fail(f"There is no account {user}.", 1)
    return uid
