"""Steps about the voting page with other options: what it offers, sends and shows."""

import json

from pytest_bdd import then

from features.support.settings_trial import Trial
from validation.core import protocol
from validation.probes.running.page import Page
from validation.record.observe import Observe

REMEDY = "system/api/web/app.js"


@then("the page offers the options in this order, votes for the one that is pressed, and shows each change")
def page_shows(trial: Trial, observe: Observe) -> None:
    page = Page(trial.client)
    results = trial.client().send("GET", "/api/results").json()["results"]
    newest = trial.stream.last_id(protocol.STREAM)
    said = page.press(len(trial.options) - 1)
    added = [fields.get("option") for _, fields in trial.stream.entries_after(protocol.STREAM, newest)]
    with observe.together():
        observe("buttons of the page", expected=trial.options, observed=page.buttons, remedy=REMEDY)
        observe("votes after the last button was pressed", expected=trial.options[-1:], observed=added, remedy=REMEDY)
        observe("what the page says", expected=f"names {trial.options[-1]}", observed=said, holds=trial.options[-1] in said, remedy=REMEDY)
        observe("event streams that the page follows", expected=["/api/results/stream"], observed=page.streams, remedy=REMEDY)
        for votes in (1, 2, 1234):
            grown = [row | {"count": votes + number} for number, row in enumerate(results)]
            page.deliver(json.dumps({"results": grown, "total_votes": 0, "last_updated": "2026-01-01T00:00:00Z"}))
            rows = [f"{row['option']}: {row['count']} ({row['percentage']:.2f} %)" for row in grown]
            shown = [row.replace(",", "") for row in page.rows]
            observe(f"results on the page after an event with {votes} votes", expected=rows, observed=shown, remedy=REMEDY)
