// What a ladder can do where scripts run.

/** Set up every ladder inside an element that has come into the page. */
function enliven(element) {
  for (const svg of element.querySelectorAll("svg.rawshake-ladder")) svg.dataset.live = "";
}

enliven(document);
