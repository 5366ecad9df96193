"""Prefect's and MLflow's pages in a real browser: what a newcomer clicks, and what is seen then. Screenshots are kept with the test's files."""

import json
import re
import shutil
from importlib.util import find_spec
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.xdist_group("stack"),
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="found no chromium; on Debian: apt-get install chromium"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="the package playwright is missing: pip install 'emberflow[browser]'"),
]
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser():
    """Debian's own, driven by Playwright, which downloads none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        yield started
        started.close()


@pytest.fixture
def page(browser):
    opened = browser.new_page(viewport={"width": 1280, "height": 1000})
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def project(write_project):
    return write_project(name="browsed", recipes=["float32", "int8", "prune50-int8"], training={"epochs": 2})


def open_form(page, stack, deployment):
    """As a newcomer comes to it: from the list of deployments."""
    page.goto(f"{stack.prefect}/deployments")
    page.get_by_text(deployment, exact=True).first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    page.get_by_text("Recipes (Optional)").wait_for()


def choose_recipes(page, *recipes):
    """In the list that drops down, which must be gone before anything below it can be clicked."""
    chooser = page.get_by_text("Recipes (Optional)", exact=True).locator("xpath=following::div[contains(@class, 'p-select-button')][1]")
    chooser.locator("button").first.press("ArrowDown")
    for recipe in recipes:
        page.locator(".p-select-option:visible").get_by_text(recipe, exact=True).click()
        chooser.get_by_text(recipe, exact=True).wait_for()
    page.get_by_text("Run Name", exact=True).click()
    page.locator(".p-select-option:visible").first.wait_for(state="hidden")


def submit(page):
    page.get_by_role("button", name="Submit").click()


def field(page, name):
    """The text field below a heading of the form."""
    return page.get_by_text(name, exact=True).locator("xpath=following::textarea[1]")


def test_a_bad_parameter_is_told_by_the_form(page, stack, tmp_path):
    """In the field's name, and nothing is started."""
    open_form(page, stack, "retrain-to-deploy")
    field(page, "Flash (Optional)").fill("much")
    submit(page)
    told = page.get_by_text("Validation failed for field 'config.budget.flash'. Failure reason: 'much' does not match").first
    told.wait_for()
    page.screenshot(path=tmp_path / "refused.png")

    assert page.url.split("?")[0].endswith("/run")


@pytest.fixture(scope="module")
def completed(browser, stack, project, tmp_path_factory):
    """A run that was started through the form and watched until it completed: the address of its page."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(PATIENCE_MS)
    open_form(page, stack, "retrain-to-deploy")
    field(page, "Project").fill(str(project))
    choose_recipes(page, "float32", "int8")
    page.screenshot(path=tmp_path_factory.mktemp("screenshots") / "form.png")
    submit(page)
    page.wait_for_url(re.compile("tab=Runs"))
    page.get_by_role("link", name=re.compile("^browsed 20")).first.click()
    page.get_by_text("Completed", exact=True).first.wait_for(timeout=300_000)
    url = page.url
    page.close()
    return url


def test_a_run_started_through_the_form_completes_and_shows_its_table(page, completed, tmp_path):
    """Its artifacts: the table with a verdict on each recipe that was chosen, and the plot; no others were made."""
    page.goto(completed)
    page.get_by_text("Artifacts", exact=True).first.click()
    page.get_by_text("pareto-browsed").first.wait_for()
    page.get_by_text("variants-browsed").first.click()
    table = page.locator("table").first
    table.wait_for()
    page.screenshot(path=tmp_path / "table.png")

    rows = table.inner_text()
    assert "int8" in rows
    assert "float32" in rows
    assert "prune50-int8" not in rows
    assert "fits" in rows


def test_mlflow_compares_the_variants_as_it_opens(page, stack, completed, tmp_path):
    """Parallel coordinates from size to accuracy, with the recipes' names on an axis; and the run's table lists the project."""
    experiment, children = variants(stack)
    page.goto(f"{stack.mlflow}/#/experiments/{experiment}/runs?workflowType=machine_learning")
    page.get_by_role("link", name=re.compile("^20[0-9]{6}-")).first.wait_for()
    page.screenshot(path=tmp_path / "runs.png")

    page.goto("about:blank")  # the page of runs, when it is ready, writes its filters into the address, whatever stands there by then
    chosen, experiments = quote(json.dumps(children)), quote(json.dumps([experiment]))
    page.goto(f"{stack.mlflow}/#/compare-runs?runs={chosen}&experiments={experiments}&workflowType=machine_learning")
    page.get_by_text("Comparing 2 Runs from 1 Experiment").wait_for()
    plot = page.locator(".parcoords").first
    plot.wait_for()
    page.screenshot(path=tmp_path / "compare.png")

    words = set(plot.locator("text").all_text_contents())
    assert {"bytes", "recipe", "accuracy"} <= words
    assert {"int8", "float32"} <= words


def variants(stack):
    """The experiment's id, and the ids of its nested runs."""

    def ask(path, body):
        sent = Request(f"{stack.mlflow}/api/2.0/mlflow/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
        with urlopen(sent, timeout=60) as answer:  # noqa: S310 - an address of our own
            return json.load(answer)

    (experiment,) = ask("experiments/search", {"max_results": 2, "filter": "name = 'browsed'"})["experiments"]
    runs = ask("runs/search", {"experiment_ids": [experiment["experiment_id"]]})["runs"]
    nested = [run["info"]["run_id"] for run in runs if any(tag["key"] == "mlflow.parentRunId" for tag in run["data"]["tags"])]
    return experiment["experiment_id"], nested
