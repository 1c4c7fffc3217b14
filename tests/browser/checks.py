"""What can be wrong with any page, each as a list of complaints: empty is good."""

from __future__ import annotations

import base64
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Request, ViewportSize

#: What axe-core calls a fault that keeps somebody from reading.
GRAVE: Final = {"serious", "critical"}

#: What a page of A4 has room for between its margins.
PAPER: Final[ViewportSize] = {"width": 718, "height": 1015}

#: Elements that reach beyond the page's right edge, and lie in no box that scrolls or cuts.
_BEYOND: Final = """
(width) => {
    if (document.documentElement.scrollWidth <= width) return [];
    const boxed = (element) => {
        for (let box = element.parentElement; box && box !== document.body; box = box.parentElement)
            if (getComputedStyle(box).overflowX !== "visible") return true;
        return false;
    };
    const beyond = [...document.body.querySelectorAll("*")].filter(
        (one) => one.getBoundingClientRect().right > width + 0.5 && !boxed(one));
    return beyond.map((one) => `${one.tagName.toLowerCase()}.${one.getAttribute("class")} `
        + `to ${Math.round(one.getBoundingClientRect().right)}`).concat(
        `the page is ${document.documentElement.scrollWidth} wide`);
}
"""

#: How light the pixel in the middle of all of a picture's is, from 0 (black) to 1.
_MEDIAN: Final = """
async (png) => {
    const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
    const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    canvas.drawImage(picture, 0, 0);
    const { data } = canvas.getImageData(0, 0, picture.width, picture.height);
    const light = new Float32Array(data.length / 4);
    for (let at = 0; at < light.length; at++)
        light[at] = 0.2126 * data[4 * at] + 0.7152 * data[4 * at + 1] + 0.0722 * data[4 * at + 2];
    return light.sort()[light.length >> 1] / 255;
}
"""


def listen(page: Page, complaints: list[str]) -> None:
    """Add to ``complaints`` what the page's console says, its scripts' failures, and requests for other files."""

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"console: {message.text}")

    def asked(request: Request) -> None:
        if not request.is_navigation_request() and not request.url.startswith(("data:", "blob:")):
            complaints.append(f"request: {request.url}")

    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
    page.on("request", asked)


def sideways(page: Page) -> list[str]:
    """What makes the page wider than its window."""
    size = page.viewport_size
    assert size is not None
    found: list[str] = page.evaluate(_BEYOND, size["width"])
    return found


def inaccessible(page: Page, within: str = "") -> list[str]:
    """What axe-core finds grave, in the page or in one element of it: which rule, where, and why."""
    response: dict[str, Any] = Axe().run(page, context=within or None).response
    return [
        f"{one['id']} ({one['impact']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for one in response["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


def lightness(page: Page) -> float:
    """Of most of what the window shows: 0 is black, 1 is white."""
    png = base64.b64encode(page.screenshot()).decode("ascii")
    # A page of its own, since no page of ours may fetch anything.
    other = page.context.new_page()
    try:
        found: float = other.evaluate(_MEDIAN, png)
    finally:
        other.close()
    return found
