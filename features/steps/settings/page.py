"""Steps about the voting page with other options: what it offers, and what its form sends without JavaScript."""

from pytest_bdd import then

from features.support.settings_trial import Trial
from validation.core import protocol
from validation.probes.running.page import Page
from validation.record.observe import Observe

REMEDY = "system/api/page.py"


@then("the page offers the options in this order, votes once for the one that is chosen, and shows the results")
def page_shows(trial: Trial, observe: Observe) -> None:
    page = Page(trial.client().send("GET", "/"))
    chosen = trial.options[-1]
    newest = trial.stream.last_id(protocol.STREAM)
    headers, form = page.form(chosen)
    shown = [Page(trial.client().send("POST", "/", list(headers.items()), form)) for _ in range(2)]
    added = [fields.get("option") for _, fields in trial.stream.entries_after(protocol.STREAM, newest)]
    trial.sent |= {one.vote["id"]: chosen for one in shown if one.vote}
    statuses = [one.answer.status for one in shown]
    with observe.together():
        observe("options of the page", expected=trial.options, observed=page.options, remedy=REMEDY)
        observe("statuses of a form that is sent twice", expected=[201, 201], observed=statuses, remedy=REMEDY)
        observe("votes after it was sent twice", expected=[chosen], observed=added, remedy=REMEDY)
        observe("options in the results that it shows", expected=trial.options, observed=shown[-1].texts.get("name"), remedy=REMEDY)


@then("only a page that allows it offers to vote again")
def page_allows(trial: Trial, observe: Observe) -> None:
    page, value = Page(trial.client().send("GET", "/")), trial.value("ALLOW_REVOTE")
    says = " ".join(page.texts.get("message", []))
    with observe.together():
        observe("what the script reads", expected=value, observed=page.html.get("data-revote"), remedy=REMEDY)
        observe("what the page says", expected="more than once" if value == "yes" else "One vote for each browser", observed=says,
                holds=("more than once" in says) is (value == "yes") and "change" in says)  # fmt: skip
