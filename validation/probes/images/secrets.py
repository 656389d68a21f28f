"""Detect secrets in file names, in file contents and in the configuration of an image."""

import posixpath
import re
from collections.abc import Iterable, Iterator

NAMES = re.compile(
    r"""\.env(\..+)? | \.netrc | \.pgpass | \.npmrc | \.pypirc | \.git-credentials | \.htpasswd | \.dockercfg | kubeconfig
      | id_(rsa|dsa|ecdsa|ed25519) | .+\.(key|p12|pfx|jks|keystore|kdbx|ppk)""",
    re.VERBOSE | re.IGNORECASE,
)
PLACES = re.compile(r"/(\.docker/config\.json|\.kube/config|\.aws/credentials|\.ssh/.+|run/secrets/.+)$")
PEM = re.compile(r".+\.pem", re.IGNORECASE)
PUBLIC = frozenset({b"CERTIFICATE", b"PUBLIC KEY", b"TRUSTED CERTIFICATE"})
BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
CONTENTS = {
    # Programs that parse keys contain only the first line; a key continues.
    "private key": ((b"PRIVATE KEY-----",), re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*(?:[A-Za-z0-9+/=]{32}|Proc-Type:)")),
    "AWS key": ((b"AKIA", b"ASIA"), re.compile(rb"(?<![A-Za-z0-9+/])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9+/=])")),
    "GitHub token": (
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"),
        re.compile(rb"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    ),
    "PyPI token": ((b"pypi-AgE",), re.compile(rb"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50}")),
    "Slack token": ((b"xox",), re.compile(rb"xox[abprs]-[0-9]{10,}-[A-Za-z0-9-]{20,}")),
}
"""Kind of secret, with fixed strings, one of which it contains, and its pattern. The fixed strings are fast to search for and rare."""
PASSWORDS = re.compile(rb"^[^:\n]+:(?![*!])", re.MULTILINE)
"""A line of /etc/shadow whose user has a password, or can log in without one."""
VARIABLES = re.compile(r"PASSW(OR)?D|SECRET|TOKEN|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY", re.IGNORECASE)
ASSIGNED = re.compile(r"""([A-Za-z_][A-Za-z0-9_.-]*)=("[^"]*"|'[^']*'|[^\s"']+)""")
PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")


def in_name(path: str, content: bytes) -> tuple[str, ...]:
    """Return the kind of secret that the name of a file indicates. A .pem that contains only certificates is public."""
    name = posixpath.basename(path)
    if path == "/etc/shadow" and PASSWORDS.search(content):
        return ("password of a user",)
    if NAMES.fullmatch(name) or PLACES.search(path):
        return ("name of a secret",)
    return ("name of a secret",) if PEM.fullmatch(name) and not set(BLOCK.findall(content)) <= PUBLIC else ()


def in_content(content: bytes) -> tuple[str, ...]:
    """Return the kinds of secrets in a file's content."""
    return tuple(what for what, (signs, pattern) in CONTENTS.items() if any(s in content for s in signs) and pattern.search(content))


def in_text(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the secrets in variables, labels or instructions, without their values."""
    return tuple(dict.fromkeys(found for text in texts for found in _assigned(text)))


def _assigned(text: str) -> Iterator[str]:
    for name, value in ASSIGNED.findall(text):
        # ${…} and $… are substituted when the image is built or run.
        if VARIABLES.search(name) and value.strip("\"'") and not value.strip("\"'").startswith("$"):
            yield f"{name}=…"
    if PASSWORD_IN_URL.search(text):
        yield "a password in a URL"
    if in_content(text.encode("utf-8", "surrogateescape")):
        yield in_content(text.encode("utf-8", "surrogateescape"))[0]
