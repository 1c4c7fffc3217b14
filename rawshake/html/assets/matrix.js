// Probes x stacks: a filter, and why a stack came to what it did.

const reasons = data("reasons");
const matrix = document.getElementById("matrix");
const tip = document.getElementById("tip");
let told = null; // the cell that the tip is about

function line(text) {
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  return paragraph;
}

/** Say why beside the cell: which stack and probe, the verdict, the reasons. */
function tell(cell) {
  told = cell;
  const stack = matrix.tHead.rows[0].cells[cell.cellIndex].textContent;
  const probe = cell.parentElement.querySelector("code").textContent;
  const head = document.createElement("p");
  const name = document.createElement("strong");
  name.textContent = `${stack}, ${probe} `;
  head.append(name, cell.querySelector(".badge").cloneNode(true));
  const asks = cell.parentElement.querySelector(".asks")?.textContent ?? "";
  tip.replaceChildren(head, line(asks), ...reasons[cell.dataset.reason].split("\n").filter(Boolean).map(line));
  tip.hidden = false;
  const at = cell.getBoundingClientRect();
  const fits = at.bottom + tip.offsetHeight + 8 < innerHeight;
  tip.style.top = `${fits ? at.bottom + 4 : Math.max(4, at.top - tip.offsetHeight - 4)}px`;
  tip.style.left = `${Math.max(8, Math.min(at.left, innerWidth - tip.offsetWidth - 8))}px`;
  cell.setAttribute("aria-describedby", "tip");
}

function hush() {
  told?.removeAttribute("aria-describedby");
  told = null;
  tip.hidden = true;
}

function setUpTip() {
  const cellOf = (event) => event.target.closest("td.mark");
  matrix.addEventListener("pointerover", (event) => {
    if (event.pointerType === "mouse" && cellOf(event)) tell(cellOf(event));
  });
  // The pointer may go on to the tip, to read it or to copy from it.
  const left = (event) => {
    if (!tip.contains(event.relatedTarget) && !event.relatedTarget?.closest?.("td.mark")) hush();
  };
  matrix.addEventListener("pointerout", (event) => { if (event.pointerType === "mouse") left(event); });
  tip.addEventListener("pointerleave", left);
  matrix.addEventListener("focusin", (event) => { if (cellOf(event)) tell(cellOf(event)); });
  matrix.addEventListener("focusout", hush);
  addEventListener("scroll", hush, { capture: true, passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hush(); });
}

/** One cell is a stop for Tab; arrow keys lead to the others. */
function setUpWalk() {
  const first = matrix.querySelector("td.mark");
  first.tabIndex = 0;
  let current = first;
  const shownRows = () => [...matrix.tBodies[0].rows].filter((row) => !row.hidden);
  matrix.addEventListener("focusin", (event) => {
    const cell = event.target.closest("td.mark");
    if (!cell) return;
    current.tabIndex = -1;
    current = cell;
    current.tabIndex = 0;
  });
  matrix.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (!step || event.target !== current) return;
    event.preventDefault();
    const rows = shownRows();
    const row = rows[rows.indexOf(current.parentElement) + step[1]];
    const next = row?.cells[current.cellIndex + step[0]];
    if (!next?.matches("td.mark")) return;
    next.focus({ preventScroll: true });
    reveal(next);
    tell(next);
  });
  return () => {
    if (!current.parentElement.hidden) return;
    current.tabIndex = -1;
    current = shownRows()[0]?.querySelector("td.mark") ?? first;
    current.tabIndex = 0;
  };
}

/** Scroll the box so that what is stuck to its edges hides nothing of the cell. */
function reveal(cell) {
  const box = matrix.parentElement;
  const top = matrix.tHead.offsetHeight;
  const left = cell.parentElement.cells[0].offsetWidth;
  const at = cell.getBoundingClientRect();
  const of = box.getBoundingClientRect();
  if (at.top < of.top + top) box.scrollTop -= of.top + top - at.top;
  if (at.bottom > of.bottom) box.scrollTop += at.bottom - of.bottom;
  if (at.left < of.left + left) box.scrollLeft -= of.left + left - at.left;
  if (at.right > of.right) box.scrollLeft += at.right - of.right;
}

function setUpMatrix() {
  const rows = [...document.querySelectorAll(".matrix tbody tr")];
  const none = document.getElementById("none");
  if (matrix) setUpTip();
  const settle = matrix ? setUpWalk() : () => {};
  setUpFilter(rows.length, (fits) => {
    let kept = 0;
    for (const row of rows) {
      const { chapter, verdicts, words } = row.dataset;
      row.hidden = !fits(chapter, verdicts.split(" "), words);
      kept += !row.hidden;
    }
    if (none) none.hidden = [...matrix.tBodies[0].rows].some((row) => !row.hidden);
    settle();
    return kept;
  });
}

setUpMatrix();
