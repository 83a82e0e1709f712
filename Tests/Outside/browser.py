"""Drives the dashboard as a person does, in a real chromium. Started by Tests/Outside/run.

With a folder as second argument it leaves pictures of the pages there: both themes, wide and at the width of a phone.
"""

import contextlib
import pathlib
import re
import sys
import time
from collections.abc import Callable, Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Dialog, Error, Page, StorageState, expect, sync_playwright

import instance
import scenery
from instance import ADMIN, VIEWER, Failed, Instance, eventually

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 780}
PATIENCE = 20_000  # milliseconds for anything to appear; reached only where a step fails
PAGES = ["/", "/cleanups/stuck-jobs", "/cleanups/stuck-jobs/preview", "/cleanups/paused-batches",
         "/cleanups/files/stats", "/runs/stuck-jobs-2", "/records?id=a&cleanup=stuck-jobs", "/charts?range=7d"]


class Walk:
    """One browser in front of one instance, and what went wrong in its pages."""

    def __init__(self, browser: Browser, stage: Instance) -> None:
        self.browser = browser
        self.stage = stage
        self.problems: list[str] = []
        self.sessions: dict[str, StorageState] = {}

    @contextlib.contextmanager
    def page(self, token: str | None = ADMIN, **options: object) -> Iterator[Page]:
        """A page in a window of its own, signed in where a token is given."""
        with self.window(token, **options) as window:
            yield self.watched(window.new_page())

    @contextlib.contextmanager
    def window(self, token: str | None = ADMIN, **options: object) -> Iterator[BrowserContext]:
        """A window of its own, with its own cookies."""
        defaults = {"base_url": self.stage.url, "viewport": WIDE}
        if token:
            defaults["storage_state"] = self.session(token)
        window = self.browser.new_context(**(defaults | options))
        window.set_default_timeout(PATIENCE)
        try:
            yield window
        finally:
            window.close()

    def session(self, token: str) -> StorageState:
        """The cookies of whoever has signed in with a token; nobody does so twice."""
        if token not in self.sessions:
            with self.window(token=None) as window:
                sign_in(window.new_page(), token)
                self.sessions[token] = window.storage_state()
        return self.sessions[token]

    def watched(self, page: Page) -> Page:
        """Notes what a page complains about, and answers its questions with yes."""
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self.note(page, message.type, message.text))
        page.on("dialog", self.agree)
        return page

    def note(self, page: Page, kind: str, text: str) -> None:
        # An answer other than 2xx is what some steps are about, and a Redis that is away is what another is about.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.problems.append(f"{page.url}: {kind}: {text}")

    def agree(self, dialog: Dialog) -> None:
        if dialog.type != "confirm":
            self.problems.append(f"a page says “{dialog.message}”")
        dialog.accept()

    def expect_no_problems(self, page: Page) -> None:
        """That no script of a record has run, and that the pages had nothing to complain about."""
        if (hostile := page.evaluate("window.hostile")) is not None:
            raise Failed(f"{page.url}: the application's {hostile} became part of the page")
        if self.problems:
            raise Failed("\n".join(self.problems))


def sign_in(page: Page, token: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def notice(page: Page, text: str | re.Pattern) -> None:
    """Waits for what the last thing that was done has come to."""
    expect(page.locator("#notice p.good, #notice p.critical")).to_contain_text(text)


def lets_in_by_token(walk: Walk) -> None:
    """A page asks for a token; a wrong one is refused, in words; nothing but the keyboard is needed."""
    with walk.page(token=None) as page:
        page.goto("/cleanups/stuck-jobs")
        expect(page).to_have_url(walk.stage.url + "/sign-in")
        expect(page.get_by_label("token")).to_be_focused()
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_contain_text("Invalid token")
        page.goto("/sign-in")
        page.keyboard.type(ADMIN)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        kept = page.context.cookies()
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(walk.stage.url + "/sign-in")
        page.goto("/")
        expect(page).to_have_url(walk.stage.url + "/sign-in")
        # Whoever kept a copy of the cookies is let in no more than the browser.
        page.context.add_cookies(kept)
        page.goto("/")
        expect(page).to_have_url(walk.stage.url + "/sign-in")


def says_what_is_the_matter(walk: Walk) -> None:
    """The first page at a glance: what is overdue, who is alive, when each cleanup runs next, what is long paused."""
    with walk.page() as page:
        page.goto("/")
        expect(page.locator("#concerns")).to_contain_text("gone is overdue")
        row = page.locator("#cleanups tr", has_text="stuck-jobs")
        expect(row).to_contain_text("scheduled")
        expect(row).to_contain_text(re.compile(r"in \d+d"))
        expect(page.locator("#instances")).to_contain_text("alive")
        expect(page.locator("#pauses")).to_contain_text("onerror=")
        walk.expect_no_problems(page)


def previews_runs_and_undoes(walk: Walk) -> None:
    """What would be done, and why; then it is done, seen with its before and after, and put back."""
    client = walk.stage.redis
    with walk.page() as page, walk.page() as overview:
        overview.goto("/")
        page.goto("/cleanups/stuck-jobs")
        page.get_by_role("link", name="Preview").click()
        expect(page.locator("main")).to_contain_text("would")
        expect(page.locator("table").first).to_contain_text(scenery.SCRIPT)
        expect(page.locator("main")).to_contain_text("Records with errors")
        page.go_back()
        page.get_by_label("Dry run").check()
        page.get_by_role("button", name="Run now").click()
        notice(page, "Would clean up 6 of 7")
        assert client.hget("job:a", "status") == "RUNNING"
        page.get_by_role("button", name="Run now").click()
        notice(page, re.compile("Cleaned up 6 of 7"))
        assert client.hget("job:a", "status") == "FAILED"
        # The other window hears of it by itself: the run, the alert that fires, what was changed.
        expect(overview.locator("#runs")).to_contain_text("stuck-jobs-2")
        expect(overview.locator("#concerns")).to_contain_text("many-stuck is firing")
        expect(overview.locator("#events")).to_contain_text(scenery.IMAGE)
        walk.expect_no_problems(overview)
        page.locator("#events summary").first.click()
        expect(page.locator("#events del", has_text="RUNNING").first).to_be_visible()
        page.locator("#runs").get_by_role("link", name="stuck-jobs-2").click()
        expect(page.locator("main")).to_contain_text("completed with errors")
        expect(page.locator("main")).to_contain_text("Refunded")
        page.get_by_role("button", name="Undo this run").click()
        notice(page, "6")
        assert client.hget("job:a", "status") == "RUNNING"
        assert client.get(f"user:{scenery.IMAGE}:tokens") == "0"
        walk.expect_no_problems(page)


def finds_one_record(walk: Walk) -> None:
    """What was previewed is run exactly so; a record is found by its id from any page, and its change alone undone."""
    client = walk.stage.redis
    with walk.page() as page:
        page.goto("/cleanups/stuck-jobs/preview")
        page.get_by_role("button", name="Run exactly these 6 changes").click()
        notice(page, re.compile("Cleaned up 6 of 6"))
        page.goto("/")
        page.get_by_role("searchbox", name="Find a record").fill("a")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Record a")
        events = page.locator("section", has=page.get_by_role("heading", name="What happened"))
        expect(events.locator("tbody tr")).to_have_count(3)  # failed, undone, and failed again
        expect(page.locator("main")).to_contain_text("What would happen now")
        run = events.locator("tbody tr").first.locator("td[data-label=Run]").inner_text()
        page.get_by_role("button", name="Undo this change").first.click()
        notice(page, "Put back 1 of 1")
        assert client.hget("job:a", "status") == "RUNNING"
        assert client.hget(f"job:{scenery.IMAGE}", "status") == "FAILED"
        expect(events.locator("tbody tr")).to_have_count(4)
        page.goto(f"/runs/{run}")
        expect(page.locator("main")).to_contain_text("The change of a was undone by")
        page.get_by_role("button", name="Undo this run").click()
        notice(page, "Put back 5 of 6")
        page.goto("/records?id=never-seen")
        expect(page.locator("main")).to_contain_text("There is no record “never-seen”")
        walk.expect_no_problems(page)


def shows_progress_and_cancels(walk: Walk) -> None:
    """A long run can be watched from where it was started and from the overview, and stopped."""
    with walk.page() as page, walk.page() as overview:
        overview.goto("/")
        page.goto("/cleanups/slow-jobs")
        walk.stage.proxy.delay_seconds = 0.03
        page.get_by_role("button", name="Run now").click()
        bar = page.locator("#state progress")
        expect(bar).to_be_visible()
        expect(overview.locator("#cleanups tr", has_text="slow-jobs")).to_contain_text("running")
        expect(overview.locator("#cleanups tr", has_text="slow-jobs").locator("progress")).to_be_visible()
        seen = set()

        def advances() -> bool:
            seen.add(int(bar.get_attribute("value")))
            return len(seen) > 1

        eventually("the progress moves", advances)
        assert max(seen) < 100, seen
        page.get_by_role("button", name="Cancel the current run").click()
        expect(page.locator("#runs")).to_contain_text("cancelled")
        walk.stage.proxy.delay_seconds = 0
        expect(bar).to_have_count(0)
        expect(page.locator("#state")).to_contain_text("scheduled")
        assert walk.stage.redis.hget(f"slow:{scenery.SLOW - 1}", "status") == "RUNNING"
        walk.expect_no_problems(page)


def pauses_with_a_reason(walk: Walk) -> None:
    """A pause is refused without a reason; its reason and its author are seen by everybody, and it can be ended."""
    with walk.page() as page, walk.page(VIEWER) as viewer:
        viewer.goto("/")
        page.goto("/cleanups/files")
        page.get_by_role("button", name="Pause").click()
        assert page.evaluate("document.querySelector('input[name=why]').validity.valueMissing")
        page.get_by_label("Reason").fill("deploying " + scenery.IMAGE)
        page.get_by_role("button", name="Pause").click()
        notice(page, "files is paused on every instance")
        expect(page.locator("#state")).to_contain_text("Paused by admin@127.0.0.1")
        expect(viewer.locator("#concerns")).to_contain_text("deploying <img")
        page.get_by_role("button", name="Resume").click()
        notice(page, "runs at ")
        expect(viewer.locator("#concerns")).not_to_contain_text("deploying")
        walk.expect_no_problems(viewer)


def viewers_only_look(walk: Walk) -> None:
    """Whoever may only look is offered nothing to do, and is refused what they do all the same."""
    with walk.page(VIEWER) as page:
        for path in ["/cleanups/stuck-jobs", "/runs/stuck-jobs-2"]:
            page.goto(path)
            expect(page.locator("main form")).to_have_count(0)
        answer = page.request.post("/cleanups/stuck-jobs/run", form={"form_token": "x"})
        assert answer.status == 403, answer.status


def needs_no_pointer(walk: Walk) -> None:
    """Everything can be reached and done with the keyboard, and what has the focus can be seen."""
    with walk.page() as page:
        page.goto("/cleanups/files")
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the content")).to_be_focused()
        expect(page.get_by_text("Skip to the content")).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.textContent || document.activeElement.name"))
            if reached[-1].startswith("why"):
                break
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"the focus on “{reached[-1]}” can't be seen"
        assert "Run now" in reached, reached
        page.keyboard.type("by keyboard")
        page.keyboard.press("Enter")
        notice(page, "files is paused")
        page.get_by_role("button", name="Resume").focus()
        page.keyboard.press("Space")
        notice(page, "is resumed")


def keeps_its_place(walk: Walk) -> None:
    """What arrives while somebody reads moves neither the focus nor what they unfolded."""
    with walk.page() as page:
        page.goto("/")
        link = page.locator("#cleanups").get_by_role("link", name="files")
        link.focus()
        page.locator("#backlog summary").click()
        link.focus()
        walk.stage.redis.zadd("jobs", {"another": 1})
        expect(page.locator("#cleanups tr", has_text="stuck-jobs")).to_contain_text("8")
        expect(link).to_be_focused()
        walk.stage.redis.zrem("jobs", "another")


def works_without_scripts(walk: Walk) -> None:
    """Without JavaScript every page can be read, and forms work too."""
    with walk.page(java_script_enabled=False) as page:
        for path in PAGES:
            assert page.goto(path).status == 200, path
            assert len(page.inner_text("main")) > 80, path
        page.goto("/")
        expect(page.locator("#cleanups")).to_contain_text("scheduled")
        expect(page.locator("#charts svg").first).to_be_visible()
        page.goto("/cleanups/files")
        page.get_by_label("Reason").fill("no script")
        page.get_by_role("button", name="Pause").click()
        notice(page, "files is paused")
        page.get_by_role("button", name="Resume").click()
        notice(page, "is resumed")


def everybody_can_read_it(walk: Walk) -> None:
    """No page is too wide for a phone, and axe finds nothing to object to, in both themes."""
    pictures = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    found = []
    for theme in ["light", "dark"]:
        for name, size in [("wide", WIDE), ("phone", PHONE)]:
            with walk.page(color_scheme=theme, viewport=size) as page:
                for path in PAGES + ["/cleanups/nothing"]:
                    page.goto(path)
                    # What axe finds depends on the theme and on the width, and not on both together.
                    objections = axe_objections(page) if (theme == "dark") == (name == "phone") else []
                    found += [f"{path} {theme} {name}: {objection}" for objection in objections + too_wide(page)]
                    if pictures:
                        file = f"{path.strip('/').replace('/', '-') or 'overview'}-{theme}-{name}.png"
                        page.screenshot(path=pictures / file, full_page=True)
                walk.expect_no_problems(page)
    assert not found, "\n".join(found)


def axe_objections(page: Page) -> list[str]:
    """What axe says against a page."""
    violations = Axe().run(page).response["violations"]
    return [f"{violation['help']}: {node['html'][:120]}" for violation in violations for node in violation["nodes"]]


def too_wide(page: Page) -> list[str]:
    """That a page is wider than its window, where it is."""
    excess = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{excess} pixels too wide"] if excess > 0 else []


def says_that_redis_is_away(walk: Walk) -> None:
    """Without Redis an open page says that it is stale, another page says why, and both come back."""
    with walk.page() as page, walk.page() as other:
        page.goto("/")
        walk.stage.redis.save()  # sessions are in Redis: they are there again when it is
        walk.stage.server.kill()
        expect(page.locator("#connection")).to_contain_text("out of date")
        answer = other.goto("/")
        assert answer.status == 503, answer.status
        expect(other.get_by_role("heading", level=1)).to_have_text("Service Unavailable")
        walk.stage.serve()
        expect(page.locator("#connection")).to_be_empty()
        expect(page.locator("#instances")).to_contain_text("alive")


STEPS: list[Callable[[Walk], None]] = [
    lets_in_by_token, says_what_is_the_matter, previews_runs_and_undoes, finds_one_record,
    shows_progress_and_cancels,
    pauses_with_a_reason, viewers_only_look, needs_no_pointer, keeps_its_place, works_without_scripts,
    everybody_can_read_it, says_that_redis_is_away,
]


def main() -> int:
    """Takes every step, and ends with the first that fails."""
    expect.set_options(timeout=PATIENCE)
    with contextlib.ExitStack() as stack:
        cleanups = scenery.CLEANUPS + scenery.FILES
        stage = stack.enter_context(instance.running(instance.curfew_path(), cleanups, scenery.prepare))
        chromium = stack.enter_context(sync_playwright()).chromium
        # Without its sandbox, because tests may run as root.
        browser = chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        walk = Walk(browser, stage)
        for step in STEPS:
            began = time.monotonic()
            name = step.__name__.replace("_", " ")
            try:
                step(walk)
            except (AssertionError, Failed, Error) as error:
                print(f"✘ {name}: {step.__doc__}\n{error}", file=sys.stderr)
                return 1
            print(f"✔ {name} ({time.monotonic() - began:.1f} s)", flush=True)
        browser.close()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
