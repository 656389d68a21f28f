"""The flags of a run repeat it and reveal no secret."""

from validation.core.settings import RunSettings


def test_flags_repeat_an_external_release_without_secrets() -> None:
    settings = RunSettings(
        target="cluster", release="voting", release_namespace="ops", kubeconfig="/home/me/config", load_command="loader --token x"
    )
    assert settings.flags == [
        *("--target", "cluster"),
        *("--release", "voting"),
        *("--release-namespace", "ops"),
        *("--load-command", "$LOAD_COMMAND"),
        *("--kubeconfig", "/home/me/config"),
    ]


def test_a_managed_release_and_the_default_namespace_need_no_flag() -> None:
    assert RunSettings(target="cluster", release_namespace="ops").flags == ["--target", "cluster"]
    assert RunSettings(target="cluster", release="voting").flags == ["--target", "cluster", "--release", "voting"]
