"""What docs/links.md says of tokens makes tokens, in each language that it is said in."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.capture.tokens import Claim, Purpose, read
from turnout.model import Workspace

PAGE = (Path(__file__).parents[2] / "docs" / "links.md").read_text(encoding="utf-8")

Sign = Callable[[str, str, dict[str, Any]], str]


def said(language: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(code)


def python(secret: str, purpose: str, claim: dict[str, Any]) -> str:
    names: dict[str, Any] = {}
    exec(said("python"), names)
    return str(names["token"](secret, purpose, claim))


def javascript(secret: str, purpose: str, claim: dict[str, Any]) -> str:
    call = ", ".join(map(json.dumps, (secret, purpose, claim)))
    return _run("node", "-e", f"{said('javascript')}\nprocess.stdout.write(token({call}))")


def sh(secret: str, purpose: str, claim: dict[str, Any]) -> str:
    variables = {"secret": secret, "purpose": purpose, "claim": json.dumps(claim, separators=(",", ":"))}
    return _run("sh", "-c", said("sh"), **variables)


def _run(program: str, *arguments: str, **variables: str) -> str:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **variables}
    done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


NEEDS: dict[Sign, tuple[str, ...]] = {python: (), javascript: ("node",), sh: ("openssl", "xxd", "base64")}


@pytest.mark.parametrize("made", NEEDS)
def test_a_mailer_s_own_tokens_are_ours(made: Sign) -> None:
    missing = [program for program in NEEDS[made] if shutil.which(program) is None]
    if missing:
        pytest.skip(f"no {missing[0]} here")
    workspace = Workspace(id="w", access_key="a", signing_secret="s3cr+t/==", created_at=dt.datetime.now(dt.UTC))
    claim = {"c": "spring", "m": "m1", "r": "ann-17", "u": "https://x.org/?a=1&b=2"}
    purposes: tuple[Purpose, ...] = ("recipient", "target")
    for purpose in purposes:
        found = read(made(workspace.signing_secret, purpose, claim))
        assert found is not None
        assert found.claim == Claim(campaign="spring", message="m1", recipient="ann-17", url="https://x.org/?a=1&b=2")
        assert [found.is_signed_by(workspace, one) for one in purposes] == [one == purpose for one in purposes]
