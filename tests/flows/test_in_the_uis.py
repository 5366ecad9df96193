"""Prefect's and MLflow's pages in a real browser, on the digits example: what a newcomer clicks, and what is seen then.

Screenshots are kept in one folder of the test run, `screenshots0`.
"""

import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.xdist_group("stack"),
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.browser,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(CHROMIUM is None, reason="found no chromium; on Debian: apt-get install chromium"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="the package playwright is missing: pip install 'emberflow[browser]'"),
]
PATIENCE_MS = 60_000
EXAMPLE = Path(__file__).parents[2] / "examples" / "digits" / "emberflow.yaml"
RECIPES = ("float32", "int8", "prune70-int8")


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
def pictures(tmp_path_factory):
    """A function that keeps what a page shows, by name."""
    folder = tmp_path_factory.mktemp("screenshots")

    def keep(page, name):
        page.wait_for_timeout(1500)  # until what was drawn last stands still
        page.screenshot(path=folder / f"{name}.png")

    return keep


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


def test_a_bad_parameter_is_told_by_the_form(page, stack, pictures):
    """In the field's name, and nothing is started."""
    open_form(page, stack, "retrain-to-deploy")
    field(page, "Flash (Optional)").fill("much")
    submit(page)
    told = page.get_by_text("Validation failed for field 'config.budget.flash'. Failure reason: 'much' does not match").first
    told.wait_for()
    pictures(page, "refused")

    assert page.url.split("?")[0].endswith("/run")


@pytest.fixture(scope="module")
def completed(browser, stack, pictures):
    """A run of the example that was started through the form and watched until it completed: the address of its page."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(PATIENCE_MS)
    open_form(page, stack, "retrain-to-deploy")
    field(page, "Project").fill(str(EXAMPLE))
    choose_recipes(page, *RECIPES)
    pictures(page, "form")
    submit(page)
    page.wait_for_url(re.compile("tab=Runs"))
    page.get_by_role("link", name=re.compile("^digits 20")).first.click()
    page.get_by_text("Completed", exact=True).first.wait_for(timeout=600_000)
    pictures(page, "completed")
    url = page.url
    page.close()
    return url


def open_artifact(page, run, key):
    """From the run's page."""
    page.goto(run)
    page.get_by_text("Artifacts", exact=True).first.click()
    page.get_by_text("pareto-digits").first.wait_for()
    page.get_by_text(key).first.click()


def test_a_run_started_through_the_form_completes_and_shows_its_table(page, completed, pictures):
    """Its artifacts: the table with a verdict on each recipe that was chosen; no others were made."""
    page.goto(completed)
    page.get_by_text("Artifacts", exact=True).first.click()
    page.get_by_text("variants-digits").first.wait_for()
    pictures(page, "artifacts")
    open_artifact(page, completed, "variants-digits")
    table = page.locator("table").first
    table.wait_for()
    pictures(page, "table")

    rows = table.inner_text()
    assert [recipe for recipe in RECIPES if recipe not in rows] == []
    assert "cluster16-int8" not in rows
    assert "fits" in rows


def test_the_gates_report_and_the_plot_are_artifacts_of_the_run(page, completed, pictures):
    """Every rule with its numbers, and whether it holds; size against accuracy as a picture."""
    open_artifact(page, completed, "gate-digits")
    table = page.locator("table").first
    table.wait_for()
    pictures(page, "gate")
    rules = table.inner_text()

    open_artifact(page, completed, "pareto-digits")
    page.locator("img[src^='data:image']").first.wait_for()
    pictures(page, "pareto")

    assert "fits_budget" in rules
    assert "holds" in rules


def test_mlflow_shows_the_variants_and_compares_them(page, stack, completed, pictures):
    """The list of runs; then, by the link in the run's description, parallel coordinates from size to accuracy, with a recipe on each line."""
    experiment, parent = parent_run(stack)
    page.goto(f"{stack.mlflow}/#/experiments/{experiment}/runs?workflowType=machine_learning")
    page.get_by_role("link", name=re.compile("^20[0-9]{6}-")).first.wait_for()
    pictures(page, "runs")

    page.goto("about:blank")  # the page of runs, when it is ready, writes its filters into the address, whatever stands there by then
    page.goto(f"{stack.mlflow}/#/experiments/{experiment}/runs/{parent}?workflowType=machine_learning")
    link = page.get_by_role("link", name="Compare the variants side by side")
    link.wait_for()
    pictures(page, "run")
    address = link.get_attribute("href")
    page.goto("about:blank")
    page.goto(f"{stack.mlflow}/{address}")
    page.get_by_text("Comparing 3 Runs from 1 Experiment").wait_for()
    plot = page.locator(".parcoords").first
    plot.wait_for()
    pictures(page, "compare")

    words = set(plot.locator("text").all_text_contents())
    assert {"bytes", "recipe", "accuracy"} <= words
    assert {"int8", "float32"} <= words  # MLflow cuts longer names off there
    assert [recipe for recipe in RECIPES if recipe not in page.locator("body").inner_text()] == []


def test_the_registrys_page_says_why_a_version_was_promoted(page, stack, completed, pictures):
    """The gate's sentence stands in the version's description."""
    page.goto(f"{stack.mlflow}/#/models/digits/versions/1?workflowType=machine_learning")
    sentence = page.get_by_text("promoted version 1: it is the first, and fits stm32f103").first
    sentence.wait_for()
    pictures(page, "version")

    assert sentence.is_visible()


def parent_run(stack):
    """The experiment's id, and that of the run that holds the variants."""

    def ask(path, body):
        sent = Request(f"{stack.mlflow}/api/2.0/mlflow/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
        with urlopen(sent, timeout=60) as answer:  # noqa: S310 - an address of our own
            return json.load(answer)

    (experiment,) = ask("experiments/search", {"max_results": 2, "filter": "name = 'digits'"})["experiments"]
    runs = ask("runs/search", {"experiment_ids": [experiment["experiment_id"]]})["runs"]
    (parent,) = [run["info"]["run_id"] for run in runs if all(tag["key"] != "mlflow.parentRunId" for tag in run["data"]["tags"])]
    return experiment["experiment_id"], parent
