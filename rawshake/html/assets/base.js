// What every page does: its theme, data that came with it, downloads, and links into what is folded up.

/** Data that the page was given under that name. */
function data(name) {
  return JSON.parse(document.getElementById(`data-${name}`).textContent);
}

/** The batches that were opened last; a promise each, so that nothing is decompressed twice at once. */
const opened = new Map();
const KEPT = 8;

/** A text that was packed under that name, by its number; a promise. */
async function unpack(name, number = 0) {
  const size = Number(document.getElementById(`packed-${name}-0`).dataset.size);
  const id = `packed-${name}-${Math.floor(number / size)}`;
  const batch = opened.get(id) ?? decompress(document.getElementById(id).textContent);
  opened.delete(id);
  opened.set(id, batch);
  if (opened.size > KEPT) opened.delete(opened.keys().next().value);
  return (await batch)[number % size];
}

async function decompress(text) {
  const octets = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const stream = new Blob([octets]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

/** Offer a text as a file. */
function save(text, filename) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-download]");
  if (button) save(await unpack(button.dataset.download), button.dataset.filename);
});

function setUpTheme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const after = { auto: "light", light: "dark", dark: "auto" };
  const show = () => { button.querySelector("span").textContent = root.dataset.theme ?? "auto"; };
  button.addEventListener("click", () => {
    const next = after[root.dataset.theme ?? "auto"];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem("rawshake-theme", next);
    } catch { /* it lasts as long as the page */ }
    show();
  });
  show();
  button.hidden = false;
}

/** What a link leads to is unfolded first, and has the focus then: a segment tells of itself. */
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (!target) return;
  target.scrollIntoView({ block: target.ownerSVGElement ? "center" : "start" });
  target.focus({ preventScroll: true });
}

setUpTheme();
addEventListener("hashchange", unfold);
addEventListener("DOMContentLoaded", unfold); // by then the scripts that follow have set up what is there
