"""Errors without a cluster, or with the wrong one, name the likely cause and what to try."""

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


def test_a_missing_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(TargetUnavailable, match=r"Cannot read the kubeconfig(.|\n)*--kubeconfig FILE"):
        Cluster(str(tmp_path / "none"))


def test_a_malformed_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("{[", encoding="utf-8")
    with pytest.raises(TargetUnavailable, match="Cannot read the kubeconfig"):
        Cluster(str(tmp_path / "broken"))


def test_an_unknown_context(kubeconfig: str) -> None:
    with pytest.raises(TargetUnavailable, match=r'no context "other". Valid names: nobody\.'):
        Cluster(kubeconfig, "other")


def test_a_cluster_that_does_not_answer(kubeconfig: str) -> None:
    cluster = Cluster(kubeconfig)
    assert cluster.context == "nobody"
    with pytest.raises(TargetUnavailable, match=r"context \"nobody\" does not answer at http://127\.0\.0\.1:"):
        cluster.version()


@pytest.mark.parametrize("proxy", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_cluster_on_this_machine_is_reached_without_the_proxy_of_the_environment(
    proxy: str, kubeconfig: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(proxy, "http://192.0.2.1:3128")
    assert Cluster(kubeconfig)._settings.proxy is None
    elsewhere = Path(kubeconfig).read_text(encoding="utf-8").replace("127.0.0.1", "192.0.2.2")
    Path(kubeconfig).write_text(elsewhere, encoding="utf-8")
    assert Cluster(kubeconfig)._settings.proxy == "http://192.0.2.1:3128"


def test_a_proxy_of_the_kubeconfig_is_used(kubeconfig: str) -> None:
    given = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
    given["clusters"][0]["cluster"]["proxy-url"] = "http://192.0.2.1:3128"
    Path(kubeconfig).write_text(yaml.safe_dump(given), encoding="utf-8")
    assert Cluster(kubeconfig)._settings.proxy == "http://192.0.2.1:3128"


def test_a_release_that_cannot_be_removed_is_a_leftover(kubeconfig: str) -> None:
    (leftover,) = remove(kubeconfig, "nobody", "votecheck-none", "default", "votecheck-none")
    assert leftover.startswith("release votecheck-none in context nobody could not be removed: ")


def test_images_cannot_be_loaded_without_a_loader(kubeconfig: str) -> None:
    with pytest.raises(TargetUnavailable, match=r"neither minikube's nor kind's(.|\n)*--load-command"):
        load(Cluster(kubeconfig), ["voting-api:1"])


def test_images_are_appended_to_the_given_command(kubeconfig: str, tmp_path: Path) -> None:
    load(Cluster(kubeconfig), ["voting-api:1", "voting-consumer:2"], f"sh -c 'echo \"$@\" > {tmp_path}/arguments' loader")
    assert (tmp_path / "arguments").read_text(encoding="utf-8") == "voting-api:1 voting-consumer:2\n"


@pytest.mark.parametrize("command", ["sh -c 'echo no space >&2; exit 1' loader", "/no/such/loader"])
def test_a_loader_that_fails(kubeconfig: str, command: str) -> None:
    with pytest.raises(TargetUnavailable, match="Cannot load images with"):
        load(Cluster(kubeconfig), ["voting-api:1"], command)
