// The page of a run of verify: filters over grid and probes, and a probe's detail in a dialog.

const probes = data("probes"); // [id, chapter, verdict, words, sentences]
const numbers = new Map(probes.map(([id], number) => [id, number]));
let shown = probes.map((_, number) => number);

const dialog = document.getElementById("detail");
const body = document.getElementById("detail-body");
let current = -1;

/** Show a probe's detail, and let the address of the page lead to it. */
async function show(number) {
  current = number;
  body.innerHTML = await unpack("details", number);
  if (current !== number) return; // another was opened meanwhile
  enliven(body);
  history.replaceState(null, "", `#${encodeURIComponent(probes[number][0]).replaceAll("%2F", "/")}`);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  document.getElementById("detail-name").focus();
  const place = shown.indexOf(number);
  document.getElementById("place").textContent = place < 0 ? "" : `${place + 1} of ${shown.length}`;
  document.getElementById("before").disabled = place < 1;
  document.getElementById("after").disabled = place < 0 || place + 1 === shown.length;
}

function setUpDetail() {
  const go = (by) => show(shown[shown.indexOf(current) + by]);
  document.getElementById("before").addEventListener("click", () => go(-1));
  document.getElementById("after").addEventListener("click", () => go(1));
  document.getElementById("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => history.replaceState(null, "", location.href.split("#")[0]));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.probe-link");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(numbers.get(decodeURIComponent(link.hash.slice(1))));
  });
  const named = () => {
    const number = numbers.get(decodeURIComponent(location.hash.slice(1)));
    if (number !== undefined) show(number);
  };
  addEventListener("hashchange", named);
  named();
}

function setUpList() {
  const rows = [...document.querySelectorAll(".probes > li")];
  const cells = [...document.querySelectorAll("#heatmap button.cell")];
  const chapters = [...document.querySelectorAll("details.chapter")];
  setUpFilter(probes.length, (fits) => {
    shown = [...probes.keys()].filter((number) => {
      const [, chapter, verdict, words] = probes[number];
      return fits(chapter, [verdict], words);
    });
    const kept = new Set(shown);
    for (const row of rows) row.hidden = !kept.has(Number(row.dataset.number));
    for (const cell of cells) cell.classList.toggle("out", !kept.has(Number(cell.dataset.number)));
    for (const one of chapters) one.hidden = !one.querySelector("li:not([hidden])");
    document.getElementById("none").hidden = chapters.some((one) => !one.hidden);
    return shown.length;
  });
}

setUpList();
setUpDetail();
setUpHeatmap((number) => probes[number][4], show);
