"""Steps about what a browser shows: results and their age, looks, names, and weight."""

import json
import time
from typing import Any

from pytest_bdd import parsers, then, when

from features.support.browsing import HTML_NAME, LONGEST_NAME, RTL_NAME, Polls
from validation.core.errors import NotProven
from validation.probes.running.browser import SIZES, Visitor
from validation.record.observe import Observe

STALE_SECONDS, LIVE_SECONDS, FALLBACK_SECONDS, BUSY_SECONDS = 30, 6.0, 12.0, 2.0
WEIGHT_BYTES, USABLE_SECONDS, SHIFT_MOST, RULES = 30_000, 1.0, 0.02, 10
RESULTS, STYLE, PAGE = "system/api/web/results.js", "system/api/web/style.css", "system/api/web/app.js"
BRIGHTNESS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const brightness = (color) => {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const of = (selector, name) => brightness(getComputedStyle(document.querySelector(selector))[name]);
  return { bar: of("progress", "backgroundColor"), card: of(".card", "backgroundColor"), text: of("h1", "color") };
}"""

TRANSITION = """() => {
  const rules = Array.from(document.styleSheets, (sheet) => Array.from(sheet.cssRules)).flat();
  const active = rules.flatMap((rule) => rule.media
    ? (matchMedia(rule.media.mediaText).matches ? Array.from(rule.cssRules) : []) : [rule]);
  const found = active.filter((rule) => rule.selectorText === "progress::-webkit-progress-value" && rule.style.transition);
  return found.at(-1)?.style.transition ?? "";
}"""
"""What the style sheet says of the value of a bar, a part of the browser's own that scripts cannot measure."""


@when(parsers.re(r'another voter votes for "(?P<option>\w+)"'), target_fixture="shown_before")
def other_votes(polls: Polls, visitor: Visitor, option: str) -> tuple[str, float]:
    visitor.wait("total", "ote", FALLBACK_SECONDS)
    before = visitor.text("results")
    polls.http.vote(option)
    return before, time.monotonic()


@when("the server is frozen and 30 seconds pass in the browser")
def frozen(polls: Polls, visitor: Visitor) -> None:
    visitor.wait("freshness", "Live")
    polls.api.process.pause()
    visitor.do(lambda page: page.clock.run_for(STALE_SECONDS * 1000))


@then(parsers.parse("the page is live and shows the vote within {seconds:g} seconds"))
def shows_soon(visitor: Visitor, shown_before: tuple[str, float], seconds: float, observe: Observe) -> None:
    took = _wait_for_change(visitor, shown_before, FALLBACK_SECONDS)
    with observe.together():
        observe("seconds until the page shows it", expected=f"at most {seconds:g}", observed=took, timed=took is not None, remedy=RESULTS,
                holds=took is not None and took <= seconds)  # fmt: skip
        says = visitor.wait("freshness", "Live")
        observe("age of the results", expected="Live", observed=says, holds=says.startswith("Live"), picture=visitor.picture())


@then("the page says that live updates do not work, and shows the vote all the same")
def shows_by_polling(visitor: Visitor, shown_before: tuple[str, float], observe: Observe) -> None:
    says = visitor.wait("freshness", "Live updates do not work", FALLBACK_SECONDS)
    took = _wait_for_change(visitor, shown_before, FALLBACK_SECONDS)
    with observe.together():
        observe("age of the results", expected="Live updates do not work", observed=says, holds=says.startswith("Live updates do not work"),
                remedy=RESULTS, picture=visitor.picture())  # fmt: skip
        observe("the vote is shown", expected=True, observed=took is not None, remedy=RESULTS)


@then("the page says that the results cannot be read")
def results_unreadable(visitor: Visitor, observe: Observe) -> None:
    says = visitor.wait("freshness", "cannot be read", FALLBACK_SECONDS)
    observe("age of the results", expected="cannot be read now. You can vote", observed=says, remedy=RESULTS, picture=visitor.picture(),
            holds="cannot be read now. You can vote" in says)  # fmt: skip


@then("the page says how old the results are, and no longer that they are live")
def says_age(visitor: Visitor, observe: Observe) -> None:
    says = visitor.wait("freshness", "old", LIVE_SECONDS)
    observe("age of the results", expected="These results are … seconds old", observed=says, remedy=RESULTS, picture=visitor.picture(),
            holds="These results are" in says and "old" in says and "Live" not in says)  # fmt: skip


@then("the page says that the results are live")
def says_live(visitor: Visitor, observe: Observe) -> None:
    says = visitor.wait("freshness", "Live", LIVE_SECONDS)
    visitor.do(lambda page: page.clock.run_for(2000))
    later = visitor.text("freshness")
    observe(
        "age of the results",
        expected="Live",
        observed=[says, later],
        holds=says.startswith("Live") and later.startswith("Live"),
        remedy=RESULTS,
    )


@then("the page had no error, broke no policy and asked for nothing elsewhere")
def no_error(visitor: Visitor, observe: Observe) -> None:
    with observe.together():
        observe("requests", expected="some", observed=len(visitor.requests), holds=bool(visitor.requests))
        observe("errors in the console", expected=[], observed=visitor.errors, remedy=PAGE)
        observe("requests to another origin", expected=[], observed=visitor.elsewhere, remedy="system/api/web/index.html")


@then("axe finds nothing wrong, nothing sticks out, and the empty bar is not the brightest thing")
def readable(visitor: Visitor, observe: Observe) -> None:
    try:
        from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - a run without it proves everything else
    except ImportError:
        raise NotProven("axe is not installed. Try: make setup") from None
    visitor.wait("total", "ote", FALLBACK_SECONDS)
    found = visitor.do(lambda page: Axe().run(page).response)
    wrong = [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]
    brightness = visitor.do(lambda page: page.evaluate(BRIGHTNESS))
    with observe.together():
        observe(
            "rules of axe that the page passes",
            expected=f"at least {RULES}",
            observed=len(found["passes"]),
            holds=len(found["passes"]) >= RULES,
        )
        observe("what axe finds wrong", expected=[], observed=wrong, remedy=STYLE, picture=visitor.picture())
        observe("pixels that stick out", expected=0, observed=_sticks_out(visitor), remedy=STYLE)
        brightest = max(brightness["card"], brightness["text"])
        observe("brightness of an empty bar", expected=f"below {brightest:.0f}", observed=round(brightness["bar"]), remedy=STYLE,
                holds=brightness["bar"] < brightest and abs(brightness["bar"] - brightness["card"]) < 60)  # fmt: skip # noqa: PLR2004


@then("nothing moved that the voter did not move")
def no_shift(visitor: Visitor, observe: Observe) -> None:
    shifts = visitor.do(lambda page: page.evaluate("window.shifts"))
    shift = sum(value for value, _ in shifts)
    observe(
        "layout shift since the page was opened",
        expected=f"at most {SHIFT_MOST}",
        observed=round(shift, 4),
        evidence="\n".join(told for _, told in shifts),
        holds=shift <= SHIFT_MOST,
        remedy=STYLE,
    )


@then("no bar moves gradually")
def no_motion(visitor: Visitor, observe: Observe) -> None:
    less = visitor.do(lambda page: page.evaluate(TRANSITION))
    visitor.do(lambda page: page.emulate_media(reduced_motion="no-preference"))
    usual = visitor.do(lambda page: page.evaluate(TRANSITION))
    with observe.together():
        observe("transition of a bar", expected="none", observed=less, remedy=STYLE)
        observe("transition of a bar for other voters", expected="some", observed=usual, holds=usual not in {"", "none"})


@then("every name is shown as it is, nothing sticks out, and no name became an element")
def strange_names(visitor: Visitor, observe: Observe) -> None:
    visitor.wait("results", RTL_NAME, FALLBACK_SECONDS)
    names = visitor.do(lambda page: page.locator("#results .name").all_inner_texts())
    with observe.together():
        observe(
            "names in the results", expected=[LONGEST_NAME, HTML_NAME, RTL_NAME], observed=names, remedy=RESULTS, picture=visitor.picture()
        )
        observe(
            "pictures in the results", expected=0, observed=visitor.do(lambda page: page.locator("#results img").count()), remedy=RESULTS
        )
        observe("pixels that stick out", expected=0, observed=_sticks_out(visitor), remedy=STYLE)


@then("a voter can choose and press within a second, and everything weighs less than 30 kB")
def small(visitor: Visitor, observe: Observe) -> None:
    visitor.wait("freshness", "Live", FALLBACK_SECONDS)
    sizes = visitor.do(lambda page: page.evaluate(SIZES))
    weight = sum(size for path, size in sizes if not path.startswith("/api/"))
    usable = visitor.do(lambda page: page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime / 1000"))
    with observe.together():
        observe("bytes of the page and all it loads", expected=f"some, at most {WEIGHT_BYTES}", observed=weight, evidence=json.dumps(sizes),
                holds=0 < weight <= WEIGHT_BYTES, remedy="system/api/web")  # fmt: skip
        observe("seconds until the form is there", expected=f"at most {USABLE_SECONDS:g}", observed=usable, timed=usable is not None,
                holds=usable is not None and usable <= USABLE_SECONDS)  # fmt: skip


def _wait_for_change(visitor: Visitor, shown_before: tuple[str, float], seconds: float) -> float | None:
    before, began = shown_before
    script = "(before) => document.getElementById('results').innerText !== before"

    def look(page: Any) -> bool:
        try:
            page.wait_for_function(script, arg=before, timeout=seconds * 1000, polling=50)
        except visitor.browser.timeout:
            return False
        return True

    return round(time.monotonic() - began, 2) if visitor.do(look) else None


def _sticks_out(visitor: Visitor) -> int:
    return int(visitor.do(lambda page: page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")))
