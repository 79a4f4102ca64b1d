"""``python -m kwlab doctor``: what is wrong is said with its remedy, wherever it is run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final, TypeAlias

import pytest
import yaml
from kubernetes import client, utils
from packaging.requirements import Requirement

import kwlab
from kwlab.doctor import examination, installation, story
from kwlab.doctor.cluster import WORKSHOP
from kwlab.lab import Lab
from kwlab.messages import CATALOGUE
from tests import watch_functions as functions
from tests.notebook_files import ROOT
from tests.realserver import RealServer

NAMES: Final = (
    *("Python", "packages", "notebooks", "compare()", "loopback"),
    *("JupyterLab", "front end", "kernel", "widgets"),
)
CLUSTER_NAMES: Final = ("cluster", "permissions", "namespace")
LINE: Final = re.compile(r"(ok|warning|problem) +(\S+(?: \S+)*?)  +(\S.*)")
DOCTOR_SECONDS: Final = 180


class Report:
    """Hold what the doctor said: by name, level and sentence."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status, self.errors = done.returncode, done.stderr
        matched = [LINE.fullmatch(line) for line in done.stdout.splitlines()]
        assert all(matched), done.stdout
        self.said = {match[2]: (match[1], match[3]) for match in matched if match}

    def of(self, level: str) -> dict[str, str]:
        return {name: said for name, (found, said) in self.said.items() if found == level}


Look: TypeAlias = Callable[..., Report]


def doctor(
    home: Path,
    *arguments: str,
    python: Path | str = sys.executable,
    command: str = "doctor",
    **environment: str,
) -> Report:
    """Run the real command in a folder where nothing of the checkout is, and a home of its own."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("KWLAB_")}
    settings = {"HOME": str(home), "IPYTHONDIR": str(home / "ipython"), **environment}
    return Report(
        subprocess.run(
            [python, "-m", "kwlab", command, *arguments],
            cwd=home,
            env=ours | settings,
            capture_output=True,
            text=True,
            timeout=DOCTOR_SECONDS,
            check=False,
        )
    )


def _dependencies(name: str, extra: str = "") -> set[str]:
    """Give a package and all that it needs, by name."""
    found, waiting = set[str](), [(name, {"", extra})]
    while waiting:
        package, extras = waiting.pop()
        found.add(package)
        for line in metadata.requires(package) or ():
            one = Requirement(line)
            is_asked = any(
                one.marker is None or one.marker.evaluate({"extra": extra}) for extra in extras
            )
            if is_asked and one.name not in found:
                waiting.append((one.name, {"", *one.extras}))
    return found


def _installed(home: Path, packages: set[str]) -> Path:
    """Make an environment that has these packages and no others; give its Python."""
    venv.create(home, symlinks=sys.platform != "win32", with_pip=False)
    (site,) = home.glob("**/site-packages")
    for package in packages - {"kwlab"}:
        files = metadata.files(package) or ()
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            place = metadata.distribution(package).locate_file(top)
            with contextlib.suppress(FileExistsError):
                (site / top).symlink_to(str(place))
    about = metadata.distribution("kwlab").locate_file("")
    (found,) = Path(str(about)).glob("kwlab-*.dist-info")
    (site / found.name).symlink_to(found)
    (site / "kwlab").symlink_to(ROOT / "kwlab")
    (site / "notebooks").symlink_to(ROOT / "notebooks")
    return next(home.glob("[bS]*/python*"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a Python that has what ``pip install .`` brings."""
    return _installed(tmp_path_factory.mktemp("plain") / "venv", _dependencies("kwlab"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a Python with JupyterLab, where nothing was put into the folder for its extensions."""
    packages = _dependencies("kwlab", "lab")
    return _installed(tmp_path_factory.mktemp("bare") / "venv", packages)


# What is installed.


def test_all_is_well_here(tmp_path: Path) -> None:
    """Where the tests run nothing is wrong: a line for each check, and status 0."""
    report = doctor(tmp_path)
    assert (0, "") == (report.status, report.errors)
    assert NAMES == tuple(report.said)
    assert {} == report.of("problem")


def test_the_help_says_what_it_looks_at() -> None:
    """--help tells of the levels, of the exit status, and that nothing is changed."""
    command = [sys.executable, "-m", "kwlab", "doctor", "--help"]
    said = " ".join(subprocess.check_output(command, text=True).split())
    assert "ok, warning or problem, with what to do about it." in said
    assert "Nothing is changed, here or on a cluster. The exit status is 0, or 1" in said


def _pretend(home: Path, name: str, version: str, *lines: str) -> str:
    """Put a package's metadata in front of all others; give what to search first."""
    folder = home / "pretended" / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    said = ("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines)
    (folder / "METADATA").write_text("\n".join(said) + "\n", encoding="utf-8")
    return str(folder.parent)


def test_an_old_package(tmp_path: Path, plain: Path) -> None:
    """A package that is too old is named, with what is asked for and how to get it."""
    report = doctor(tmp_path, python=plain, PYTHONPATH=_pretend(tmp_path, "msgspec", "0.1"))
    assert (1, {"packages"}) == (report.status, set(report.of("problem")))
    said = report.of("problem")["packages"]
    assert said.startswith("msgspec is 0.1, and kwlab asks for >=")
    assert re.search(r"Run: \S+ .*install .*'msgspec>=[\d.]+'$", said)


def test_a_missing_package(tmp_path: Path, plain: Path) -> None:
    """A package that is not there is named; what only an extra wants is not asked for."""
    wanted = ("Requires-Python: >=3.11", "Requires-Dist: not-there>=2; python_version > '3'")
    others = ("Provides-Extra: lab", "Requires-Dist: not-here; extra == 'lab'")
    lab = "Requires-Dist: jupyterlab>=4.4; extra == 'lab'"
    tried = "Classifier: Programming Language :: Python :: 3.99"
    path = _pretend(tmp_path, "kwlab", "9", *wanted, *others, lab, tried)
    report = doctor(tmp_path, python=plain, PYTHONPATH=path)
    assert (1, {"packages"}) == (report.status, set(report.of("problem")))
    assert re.match(r"not-there is missing. Run: .*'not-there>=2'$", report.said["packages"][1])


@pytest.mark.parametrize("level", ["warning", "problem"])
def test_another_python(tmp_path: Path, plain: Path, level: str) -> None:
    """A Python that is too old is a problem, and one that nobody has tried a warning."""
    wanted = f"Requires-Python: >=3.{11 if level == 'warning' else 99}"
    tried = "Classifier: Programming Language :: Python :: 3.1"
    lab = "Requires-Dist: jupyterlab>=4.4; extra == 'lab'"
    path = _pretend(tmp_path, "kwlab", "9", wanted, tried, lab)
    report = doctor(tmp_path, python=plain, PYTHONPATH=path)
    assert int(level == "problem") == report.status
    assert "Python" in report.of(level)
    assert ("3.1," if level == "warning" else ">=3.99") in report.said["Python"][1]


# A plain installation, and a damaged one.


def test_without_jupyterlab(tmp_path: Path, plain: Path) -> None:
    """A plain installation is well, and hears what the notebooks need and how to get it."""
    report = doctor(tmp_path, python=plain)
    assert (0, "") == (report.status, report.errors)
    assert {"JupyterLab", "kernel"} == set(report.of("warning"))
    # This environment has no pip.
    for name in ("JupyterLab", "kernel"):
        assert f"Run: uv pip install --python {plain} --upgrade " in report.said[name][1]
    for wanted in ("'jupyterlab>=4.4'", "ipywidgets is missing", "anywidget is missing"):
        assert wanted in report.said["JupyterLab"][1]
    assert {"front end", "widgets"}.isdisjoint(report.said)


@pytest.mark.parametrize("command", ["doctor", "lab"])
def test_without_what_kwlab_itself_imports(tmp_path: Path, command: str) -> None:
    """Where kwlab cannot start, every command says what to install, and has no traceback."""
    packages = _dependencies("kwlab") - {"msgspec"}
    python = _installed(tmp_path / "venv", packages)
    report = doctor(tmp_path, python=python, command=command)
    lines = report.errors.splitlines()
    assert (1, {}) == (report.status, report.said)
    assert lines[0].startswith("kwlab: It cannot start (No module named 'msgspec').")
    assert LINE.fullmatch(lines[1])[2] == "Python"
    assert re.match(r"problem +packages +msgspec is missing\. Run: ", lines[2])


def test_without_the_notebooks(tmp_path: Path, plain: Path) -> None:
    """An installation that came without its notebooks is damaged, and says so."""
    (site,) = plain.parents[1].glob("**/site-packages")
    moved = (site / "notebooks").rename(tmp_path / "notebooks")
    try:
        report = doctor(tmp_path, python=plain)
    finally:
        moved.rename(site / "notebooks")
    assert (1, {"notebooks"}) == (report.status, set(report.of("problem")))


# Front end and kernel. A JupyterLab takes its time, so one run has two things wrong.


def _kernel(home: Path, *command: str) -> None:
    """Put a kernel of the notebooks' name in front of all others."""
    folder = home / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": [*command, "{connection_file}"], "display_name": "x", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


@pytest.fixture(scope="module")
def others(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Look where an extension is for another JupyterLab, and the kernel another Python's."""
    home = tmp_path_factory.mktemp("others")
    folder = home / "labextensions" / "anywidget"
    folder.mkdir(parents=True)
    needs = {"@jupyterlab/application": "^1.0.0"}
    old = {"name": "anywidget", "version": "0.1.0", "dependencies": needs}
    (folder / "package.json").write_text(json.dumps(old), encoding="utf-8")
    _kernel(home, str(bare), "-m", "ipykernel_launcher", "-f")
    return doctor(home, JUPYTER_PATH=str(home))


@pytest.fixture(scope="module")
def lacking(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Look where JupyterLab has no extensions, and the kernel dies."""
    home = tmp_path_factory.mktemp("lacking")
    _kernel(home, sys.executable, "-c", "0")
    return doctor(home, python=bare, JUPYTER_PATH=str(home))


@pytest.fixture(scope="module")
def silenced(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Look where an extension is switched off, and a kernel's way to the browser leads nowhere."""
    home = tmp_path_factory.mktemp("silenced")
    (home / "labconfig").mkdir()
    off = {"disabledExtensions": {"anywidget": True}}
    (home / "labconfig" / "page_config.json").write_text(json.dumps(off), encoding="utf-8")
    startup = home / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    nowhere = "import comm\ncomm.create_comm = comm.DummyComm\n"
    (startup / "nowhere.py").write_text(nowhere, encoding="utf-8")
    return doctor(home, JUPYTER_CONFIG_PATH=str(home))


def test_without_the_extensions(lacking: Report) -> None:
    """JupyterLab without what draws widgets is a problem."""
    assert (1, {"front end", "kernel"}) == (lacking.status, set(lacking.of("problem")))
    said = lacking.said["front end"][1]
    assert said.startswith("JupyterLab lacks @jupyter-widgets/jupyterlab-manager, so no widget")
    assert said.endswith("--force-reinstall jupyterlab_widgets")


def test_a_kernel_that_does_not_start(lacking: Report) -> None:
    """What keeps a kernel from starting is one line, with a remedy."""
    pattern = r"This could not be looked at \(.*died.*\)\. Install ipykernel again"
    assert re.match(pattern, lacking.said["kernel"][1])


def test_an_extension_for_another_jupyterlab(others: Report) -> None:
    """An extension that asks for an old JupyterLab is named."""
    assert (1, {"front end", "kernel"}) == (others.status, set(others.of("problem")))
    assert "anywidget was made for another JupyterLab. Run: " in others.said["front end"][1]


def test_the_kernel_of_another_python(others: Report, bare: Path) -> None:
    """A kernel that runs another Python is a problem, and both are named."""
    assert f"Python in {bare.parents[1]}, and this is" in others.said["kernel"][1]
    assert "widgets" not in others.said


def test_a_disabled_extension(silenced: Report) -> None:
    """An extension that somebody has switched off is named, and how to switch it on."""
    assert (1, {"front end", "widgets"}) == (silenced.status, set(silenced.of("problem")))
    assert silenced.said["front end"][1].endswith("Run: jupyter labextension enable anywidget")


def test_widgets_that_do_not_leave_the_kernel(silenced: Report) -> None:
    """A kernel whose messages to the browser lead nowhere is found out."""
    assert "leaves the kernel without its widget. Run: " in silenced.said["widgets"][1]


# The story.


@pytest.mark.parametrize("name", ["jobs-from-nothing", "pods-cut-twice"])
def test_the_numbers_are_worked_out_from_the_recording(name: str) -> None:
    """Of a recording with cuts, what is worked out is what the lab counts."""
    lab = kwlab.open_lab(name, context="")
    comparison = lab.compare(wrong=functions.wrong(lab), correct=functions.correct(lab))
    told = {"wrong": story.told_anew(comparison), "correct": story.told_on(comparison.history)}
    for run in comparison.runs:
        counted = story.Numbers(run.count.delivered, run.count.new, len(run.count.lost))
        assert told[run.count.watcher] == counted


def test_other_numbers_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison in which the wrong function does well is not the story's."""
    lab: Lab = kwlab.open_lab(context="")
    well = lab.compare(wrong=functions.correct(lab), correct=functions.correct(lab))
    monkeypatch.setattr(story, "compare_story", lambda: well)
    finding = story.compare("")
    assert "problem" == finding.level
    assert finding.said.startswith("‘wrong’ got 14 delivered = 14 new + 0 replayed, 0 lost, and ")


def test_a_check_that_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no port can be had, the line has the reason and a remedy."""
    monkeypatch.setattr("kwlab.jupyter.HOST", "192.0.2.1")
    only = (examination.Check("loopback", installation.loopback),)
    monkeypatch.setattr(examination, "CHECKS", only)
    (line,) = examination.examine()
    assert "problem" == line.finding.level
    assert "on 127.0.0.1." in str(line)
    assert "(OSError: " in str(line)


@pytest.mark.parametrize(
    "check", examination.CHECKS + examination.CLUSTER_CHECKS, ids=lambda check: check.name
)
def test_every_check_has_its_words(check: examination.Check) -> None:
    """A check that raises has a name and a remedy, and follows one that comes before it."""
    every = [one.name for one in examination.CHECKS + examination.CLUSTER_CHECKS]
    assert {f"doctor.{check.name}", f"doctor.{check.name}.remedy"} <= set(CATALOGUE)
    assert check.after in {"", *every[: every.index(check.name)]}


# A cluster.


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """Write a kubeconfig of a server that nobody runs."""
    # Port 1 is reserved, and nothing listens there.
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "gone", "context": {"cluster": "c", "user": "u"}}
    said = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump({"kind": "Config", **said}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("context", "said"),
    [("elsewhere", "has no context elsewhere; it has gone."), ("gone", "does not answer at")],
)
@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_cluster_that_is_not_reached(
    tmp_path: Path, plain: Path, kubeconfig: Path, context: str, said: str, way: str
) -> None:
    """An unknown context and a server that is away are one line each, however they are named."""
    named = ["--context", context] if way == "option" else []
    variable = {"KWLAB_CONTEXT": context} if way == "variable" else {}
    report = doctor(tmp_path, *named, python=plain, KUBECONFIG=str(kubeconfig), **variable)
    assert (1, {"cluster"}) == (report.status, set(report.of("problem")))
    assert said in report.said["cluster"][1]
    assert {"permissions", "namespace"}.isdisjoint(report.said)


def test_no_cluster_is_looked_at_unless_named(
    tmp_path: Path, plain: Path, kubeconfig: Path
) -> None:
    """A kubeconfig alone names no cluster."""
    report = doctor(tmp_path, python=plain, KUBECONFIG=str(kubeconfig))
    assert 0 == report.status
    assert set(CLUSTER_NAMES).isdisjoint(report.said)


@pytest.fixture
def look(tmp_path: Path, plain: Path, realserver: RealServer) -> Iterator[Look]:
    """Look at the real server, and see that nothing was made or changed there."""

    def at(context: str, namespace: str, path: str = realserver.kubeconfig) -> Report:
        return doctor(
            *(tmp_path, "--context", context),
            python=plain,
            KUBECONFIG=path,
            KWLAB_NAMESPACE=namespace,
        )

    before = _everything(realserver)
    yield at
    assert before == _everything(realserver)


def _everything(server: RealServer) -> Mapping[str, str]:
    core = server.core
    lists = (core.list_namespace, core.list_pod_for_all_namespaces)
    found = [item for some in lists for item in some().items]
    found += core.list_config_map_for_all_namespaces().items
    return {item.metadata.uid: item.metadata.resource_version for item in found}


@pytest.mark.needs("rig")
def test_an_administrator(look: Look, realserver: RealServer) -> None:
    """An administrator may do all; the namespace is not there, and is not made."""
    report = look("admin", "not-there")
    assert (0, "") == (report.status, report.errors)
    assert set(CLUSTER_NAMES) <= set(report.of("ok"))
    assert realserver.url in report.said["cluster"][1]
    assert report.said["namespace"][1].startswith("not-there is not there; kwlab makes it")


@pytest.mark.needs("rig")
def test_a_restricted_user(look: Look, plain: Path, realserver: RealServer) -> None:
    """Who may only look is told every verb that is missing, by resource, and where to get it."""
    report = look("viewer", realserver.namespace)
    assert (1, {"permissions"}) == (report.status, set(report.of("problem")))
    missing = "create, patch, delete, deletecollection"
    (path,) = plain.parents[1].glob("**/site-packages/kwlab/cluster/workshop.yaml")
    assert report.said["permissions"][1] == (
        f"Not allowed in namespace lab: {missing} pods; {missing} configmaps; get namespaces. "
        f"Ask for the Role in {path}."
    )
    assert "namespace" not in report.said


@pytest.mark.needs("rig")
def test_a_namespace_of_somebody_else(look: Look) -> None:
    """A namespace without kwlab's label is a problem before anything is tried in it."""
    report = look("admin", "default")
    assert (1, {"namespace"}) == (report.status, set(report.of("problem")))
    assert "default is not kwlab's, for it lacks the label" in report.said["namespace"][1]


@pytest.fixture
def learner(realserver: RealServer, tmp_path: Path) -> Path:
    """Give a learner what workshop.yaml gives; give the kubeconfig."""
    api = realserver.client()
    text = WORKSHOP.read_text(encoding="utf-8")
    manifest = tmp_path / "workshop.yaml"
    for key in ("name", "namespace"):
        text = text.replace(f" {key}: kwlab\n", f" {key}: doctored\n")
    manifest.write_text(text, encoding="utf-8")
    utils.create_from_yaml(api, str(manifest))
    asked = {"spec": {"expirationSeconds": 3600}}
    lend = client.CoreV1Api(api).create_namespaced_service_account_token
    said = yaml.safe_load(Path(realserver.kubeconfig).read_text(encoding="utf-8"))
    said["users"][0]["user"] = {"token": lend("doctored", "doctored", asked).status.token}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(said), encoding="utf-8")
    return path


@pytest.mark.needs("rig")
def test_a_learner_of_a_workshop(learner: Path, look: Look) -> None:
    """What workshop.yaml grants is what is asked for, in that namespace and in no other."""
    report = look("admin", "doctored", str(learner))
    assert (0, "doctored is kwlab's.") == (report.status, report.said["namespace"][1])
    report = look("admin", "elsewhere", str(learner))
    assert {"permissions"} == set(report.of("problem"))
