// The filter above a list of probes: words, a chapter, verdicts.

/** Call `apply` whenever the filter changes, with a test for (chapter, verdicts, words); it gives how many fit. */
function setUpFilter(total, apply) {
  const words = document.getElementById("words");
  const chapter = document.getElementById("chapter");
  const only = [...document.querySelectorAll(".only")];
  const shown = document.getElementById("shown");
  const clear = document.getElementById("clear");

  function filter() {
    const sought = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = only.filter((one) => one.ariaPressed === "true").map((one) => one.dataset.verdict);
    const kept = apply((of, verdicts, text) => (!chapter.value || of === chapter.value)
      && (!wanted.length || wanted.some((verdict) => verdicts.includes(verdict)))
      && sought.every((word) => text.includes(word)));
    const all = !sought.length && !wanted.length && !chapter.value;
    shown.textContent = all ? `${total} probes` : `${kept} of ${total} probes`;
    clear.hidden = all;
  }

  words.addEventListener("input", filter);
  chapter.addEventListener("change", filter);
  for (const one of only) {
    one.addEventListener("click", () => {
      one.ariaPressed = String(one.ariaPressed !== "true");
      filter();
    });
  }
  clear.addEventListener("click", () => {
    words.value = "";
    chapter.value = "";
    for (const one of only) one.ariaPressed = "false";
    filter();
    words.focus();
  });
  if (words.value || chapter.value) filter(); // a reloaded page keeps what was typed
}
