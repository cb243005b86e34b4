"""Tests the accessibility of pages with axe-core: its rules for WCAG and best practices."""

from axe_playwright_python.sync_playwright import Axe

NARROW = {"width": 360, "height": 740}


def assert_accessible(page, name):
    """Fails if axe-core finds a violation, at the current size of the page and at a narrow one."""
    size = page.viewport_size
    for viewport in size, NARROW:
        page.set_viewport_size(viewport)
        faults = [
            f"{fault['id']}: {node['target'][0]}: {node['failureSummary']}"
            for fault in Axe().run(page).response["violations"]
            for node in fault["nodes"]
        ]
        assert not faults, "\n".join([f"{name}, {viewport['width']} wide:", *faults])
        beyond = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert beyond <= 0, f"{name}: {beyond} pixels wider than {viewport['width']}"
    page.set_viewport_size(size)
