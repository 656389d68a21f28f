"""Tools that read files: the chart, its rendered manifests, Dockerfiles, Python sources."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.other_tools.programs import installed, run, separate
from tests.other_tools.tool import NotAvailable, Remarks, Tool, control
from validation.defects.catalogue import Defect, catalogue
from validation.probes.chart import manifests

CHART = "chart/*"
DOCKERFILES = ("*.Dockerfile", "*/Dockerfile")
TRIVY = ("config", "--quiet", "--format", "json", "--skip-check-update", "--skip-version-check", "--disable-telemetry", ".")


@contextmanager
def rendered(copy: Path) -> Iterator[Path]:
    """Yield a directory with the chart rendered with its default values, one file per template."""
    with tempfile.TemporaryDirectory(prefix="votecheck-rendered-") as temporary, manifests.open_chart(copy / "chart") as chart:
        folder = Path(temporary)
        for template, text in manifests.render_texts(chart).items():
            (folder / template.replace("/", "-")).write_text(text, encoding="utf-8")
        yield folder


def helm_lint(copy: Path, _defect: Defect | None) -> Remarks:
    """Return the messages of `helm lint --strict`."""
    return frozenset(f"{m.severity.name.lower()} {m.path}: {m.text}" for m in manifests.lint(copy / "chart"))


def kubernetes_validate(copy: Path, _defect: Defect | None) -> Remarks:
    """Return the objects that are invalid for the newest Kubernetes that it knows."""
    with rendered(copy) as folder:
        files = sorted(file.name for file in folder.iterdir())
        told = run(installed("kubernetes-validate"), "--strict", "--quiet", *files, folder=folder)
    return frozenset(line.strip() for line in told.splitlines() if line.strip())


def hadolint(copy: Path, _defect: Defect | None) -> Remarks:
    """Return its remarks about the three Dockerfiles."""
    files = [str(file.relative_to(copy)) for pattern in DOCKERFILES for file in sorted(copy.glob(f"**/{Path(pattern).name}"))]
    told = json.loads(run(installed("hadolint"), "--format", "json", *files, folder=copy))
    return frozenset(f"{r['code']} {r['file']}: {r['message']}" for r in told)


def trivy(copy: Path, _defect: Defect | None) -> Remarks:
    """Return the failures of its configuration checks; it renders the chart itself."""
    told = json.loads(run(installed("trivy"), *TRIVY, folder=copy))
    if not any(result["MisconfSummary"]["Successes"] for result in told.get("Results", [])):
        raise NotAvailable("trivy checked nothing")
    return frozenset(
        f"{m['ID']} {result['Target']}: {m['Message']}" for result in told["Results"] for m in result.get("Misconfigurations", [])
    )


def checkov(copy: Path, _defect: Defect | None) -> Remarks:
    """Return its failed checks of manifests and Dockerfiles. It renders charts only with a helm program, so it gets the result."""
    with rendered(copy) as folder:
        for pattern in DOCKERFILES:
            for file in sorted(copy.glob(f"**/{Path(pattern).name}")):
                (folder / "-".join(file.relative_to(copy).parts)).write_bytes(file.read_bytes())
        told = json.loads(run(separate("checkov"), "--directory", ".", "--output", "json", "--quiet", "--compact", folder=folder))
    reports = told if isinstance(told, list) else [told]
    if not any(report["check_type"] == "kubernetes" for report in reports):
        raise NotAvailable("checkov found no manifest")
    return frozenset(
        # the resource of a secret is a digest, and the chart's passwords are random
        f"{c['check_id']} {c['file_path'] if report['check_type'] == 'secrets' else c['resource']}: {c['check_name']}"
        for report in reports
        for c in report["results"]["failed_checks"]
    )


def bandit(copy: Path, _defect: Defect | None) -> Remarks:
    """Return its remarks about the system's sources."""
    told = json.loads(run(separate("bandit"), "--recursive", "--quiet", "--format", "json", "system", folder=copy))
    return frozenset(f"{r['test_id']} {r['filename']}: {r['issue_text']}" for r in told["results"])


def _version(program: str) -> str:
    return run(program, "--version", folder=Path.cwd()).split("\n", 1)[0].split()[-1]


PRIVILEGED = control("chart/templates/_helpers.tpl", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")
STATIC = (
    Tool(
        "helm lint",
        "whether a chart is well formed",
        "helm lint --strict chart",
        (CHART,),
        lambda: version("helm-python-sdk"),
        helm_lint,
        control("chart/Chart.yaml", "apiVersion: v2", "apiVersion: v9"),
    ),
    Tool(
        "kubernetes-validate",
        "whether objects match Kubernetes' schemas",
        "kubernetes-validate --strict RENDERED/*",
        (CHART,),
        lambda: version("kubernetes-validate"),
        kubernetes_validate,
        control("chart/templates/api.yaml", "replicas: {{ .Values.api.replicas | int64 }}", "replicas: many"),
    ),
    Tool(
        "trivy",
        "misconfigured charts, manifests and Dockerfiles",
        f"trivy {' '.join(TRIVY)}",
        (CHART, *DOCKERFILES),
        lambda: _version(installed("trivy")),
        trivy,
        PRIVILEGED,
    ),
    Tool(
        "checkov",
        "misconfigured manifests and Dockerfiles, and secrets in them",
        "checkov --directory RENDERED",
        (CHART, *DOCKERFILES),
        lambda: _version(separate("checkov")),
        checkov,
        PRIVILEGED,
    ),
    Tool(
        "hadolint",
        "good practice in Dockerfiles",
        "hadolint FILE...",
        DOCKERFILES,
        lambda: _version(installed("hadolint")),
        hadolint,
        catalogue()["D40"],
    ),
    Tool(
        "bandit",
        "insecure Python",
        "bandit --recursive system",
        ("system/*.py",),
        lambda: _version(separate("bandit")),
        bandit,
        control("system/contract.py", 'GROUP_START = "0"', "GROUP_START = str(eval('0'))"),
    ),
)
