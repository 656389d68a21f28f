"""What is said where there is no cluster, or not the one that was meant: with the likely cause and the next command."""

import socket
from pathlib import Path

import pytest
import yaml

from validation.core.errors import TargetUnavailable
from validation.targets.cluster.access import Cluster
from validation.targets.cluster.image_loading import load
from validation.targets.cluster.removal import remove


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """A kubeconfig with one context, at a port of 127.0.0.1 that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    file = tmp_path / "kubeconfig"
    entries = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "nobody", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "nobody"} | entries), encoding="utf-8")
    return str(file)


def test_no_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(TargetUnavailable, match=r"No cluster is known(.|\n)*--kubeconfig FILE"):
        Cluster(str(tmp_path / "none"))


def test_a_kubeconfig_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("{[", encoding="utf-8")
    with pytest.raises(TargetUnavailable, match="No cluster is known"):
        Cluster(str(tmp_path / "broken"))


def test_another_context(kubeconfig: str) -> None:
    with pytest.raises(TargetUnavailable, match=r"no context other(.|\n)*it has nobody"):
        Cluster(kubeconfig, "other")


def test_nothing_answers(kubeconfig: str) -> None:
    cluster = Cluster(kubeconfig)
    assert cluster.context == "nobody"
    with pytest.raises(TargetUnavailable, match=r"context nobody does not answer at http://127\.0\.0\.1:"):
        cluster.version()


def test_what_cannot_be_removed_is_told(kubeconfig: str) -> None:
    (told,) = remove(kubeconfig, "nobody", "votecheck-none", "default", "votecheck-none")
    assert told.startswith("release votecheck-none in context nobody could not be removed: ")


def test_nobody_knows_how_images_come_to_the_nodes(kubeconfig: str) -> None:
    with pytest.raises(TargetUnavailable, match=r"neither minikube's nor kind's(.|\n)*--load-command"):
        load(Cluster(kubeconfig), ["voting-api:1"])


def test_images_go_behind_the_command_that_was_given(kubeconfig: str, tmp_path: Path) -> None:
    load(Cluster(kubeconfig), ["voting-api:1", "voting-consumer:2"], f"sh -c 'echo \"$@\" > {tmp_path}/told' loader")
    assert (tmp_path / "told").read_text(encoding="utf-8") == "voting-api:1 voting-consumer:2\n"


@pytest.mark.parametrize("command", ["sh -c 'echo no space >&2; exit 1' loader", "/no/such/loader"])
def test_a_command_that_fails(kubeconfig: str, command: str) -> None:
    with pytest.raises(TargetUnavailable, match="could not load the images"):
        load(Cluster(kubeconfig), ["voting-api:1"], command)
