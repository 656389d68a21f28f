"""Guests that read files: the chart, what it renders to, Dockerfiles, Python sources."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.other_tools.programs import ask, beside, hired
from tests.other_tools.tool import Guest, NotHad, Says, control
from validation.defects.catalogue import Defect, catalogue
from validation.probes.chart import manifests

CHART = "chart/*"
DOCKERFILES = ("*.Dockerfile", "*/Dockerfile")
TRIVY = ("config", "--quiet", "--format", "json", "--skip-check-update", "--skip-version-check", "--disable-telemetry", ".")


@contextmanager
def rendered(copy: Path) -> Iterator[Path]:
    """Give a folder with what the chart renders to by its own values, a file a template."""
    with tempfile.TemporaryDirectory(prefix="votecheck-rendered-") as temporary, manifests.loaded(copy / "chart") as chart:
        folder = Path(temporary)
        for template, text in manifests.render_texts(chart).items():
            (folder / template.replace("/", "-")).write_text(text, encoding="utf-8")
        yield folder


def helm_lint(copy: Path, _defect: Defect | None) -> Says:
    """What `helm lint --strict` says."""
    return frozenset(f"{m.severity.name.lower()} {m.path}: {m.text}" for m in manifests.lint(copy / "chart"))


def kubernetes_validate(copy: Path, _defect: Defect | None) -> Says:
    """What is no valid object to the newest Kubernetes that it knows."""
    with rendered(copy) as folder:
        files = sorted(file.name for file in folder.iterdir())
        told = ask(beside("kubernetes-validate"), "--strict", "--quiet", *files, folder=folder)
    return frozenset(line.strip() for line in told.splitlines() if line.strip())


def hadolint(copy: Path, _defect: Defect | None) -> Says:
    """What its rules say of the three Dockerfiles."""
    files = [str(file.relative_to(copy)) for pattern in DOCKERFILES for file in sorted(copy.glob(f"**/{Path(pattern).name}"))]
    told = json.loads(ask(beside("hadolint"), "--format", "json", *files, folder=copy))
    return frozenset(f"{r['code']} {r['file']}: {r['message']}" for r in told)


def trivy(copy: Path, _defect: Defect | None) -> Says:
    """What its checks of configuration say; it renders the chart itself."""
    told = json.loads(ask(beside("trivy"), *TRIVY, folder=copy))
    if not any(result["MisconfSummary"]["Successes"] for result in told.get("Results", [])):
        raise NotHad("trivy looked at nothing")
    return frozenset(
        f"{m['ID']} {result['Target']}: {m['Message']}" for result in told["Results"] for m in result.get("Misconfigurations", [])
    )


def checkov(copy: Path, _defect: Defect | None) -> Says:
    """What its checks say of manifests and Dockerfiles. It renders a chart only with a helm program, so it is given what comes out."""
    with rendered(copy) as folder:
        for pattern in DOCKERFILES:
            for file in sorted(copy.glob(f"**/{Path(pattern).name}")):
                (folder / "-".join(file.relative_to(copy).parts)).write_bytes(file.read_bytes())
        told = json.loads(ask(hired("checkov"), "--directory", ".", "--output", "json", "--quiet", "--compact", folder=folder))
    reports = told if isinstance(told, list) else [told]
    if not any(report["check_type"] == "kubernetes" for report in reports):
        raise NotHad("checkov took nothing for a manifest")
    return frozenset(
        # of a secret the resource is a digest, and the chart's passwords are drawn anew each time
        f"{c['check_id']} {c['file_path'] if report['check_type'] == 'secrets' else c['resource']}: {c['check_name']}"
        for report in reports
        for c in report["results"]["failed_checks"]
    )


def bandit(copy: Path, _defect: Defect | None) -> Says:
    """What its rules say of the system's sources."""
    told = json.loads(ask(hired("bandit"), "--recursive", "--quiet", "--format", "json", "system", folder=copy))
    return frozenset(f"{r['test_id']} {r['filename']}: {r['issue_text']}" for r in told["results"])


def _last_word(program: str) -> str:
    return ask(program, "--version", folder=Path.cwd()).split("\n", 1)[0].split()[-1]


PRIVILEGED = control("chart/templates/_helpers.tpl", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")
READERS = (
    Guest(
        "helm lint",
        "whether a chart is well formed",
        "helm lint --strict chart",
        (CHART,),
        lambda: version("helm-python-sdk"),
        helm_lint,
        control("chart/Chart.yaml", "apiVersion: v2", "apiVersion: v9"),
    ),
    Guest(
        "kubernetes-validate",
        "whether objects are what Kubernetes' schemas take",
        "kubernetes-validate --strict RENDERED/*",
        (CHART,),
        lambda: version("kubernetes-validate"),
        kubernetes_validate,
        control("chart/templates/api.yaml", "replicas: {{ .Values.api.replicas }}", "replicas: many"),
    ),
    Guest(
        "trivy",
        "misconfigured charts, manifests and Dockerfiles",
        f"trivy {' '.join(TRIVY)}",
        (CHART, *DOCKERFILES),
        lambda: _last_word(beside("trivy")),
        trivy,
        PRIVILEGED,
    ),
    Guest(
        "checkov",
        "misconfigured manifests and Dockerfiles, and secrets in them",
        "checkov --directory RENDERED",
        (CHART, *DOCKERFILES),
        lambda: _last_word(hired("checkov")),
        checkov,
        PRIVILEGED,
    ),
    Guest(
        "hadolint",
        "good practice in Dockerfiles",
        "hadolint FILE...",
        DOCKERFILES,
        lambda: _last_word(beside("hadolint")),
        hadolint,
        catalogue()["D40"],
    ),
    Guest(
        "bandit",
        "insecure Python",
        "bandit --recursive system",
        ("system/*.py",),
        lambda: _last_word(hired("bandit")),
        bandit,
        control("system/contract.py", 'GROUP_START = "0"', "GROUP_START = str(eval('0'))"),
    ),
)
