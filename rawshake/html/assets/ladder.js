// What a ladder can do where scripts run: a linear time axis, absolute numbers, and all that is known of a segment.

/** Set up every ladder inside an element that has come into the page. */
function enliven(element) {
  for (const svg of element.querySelectorAll("svg.rawshake-ladder:not([data-live])")) {
    const ladder = { svg, known: JSON.parse(svg.querySelector("metadata").textContent), chosen: null };
    svg.dataset.live = "";
    const frame = made("div", "ladder");
    const picture = made("div", "ladder-picture");
    ladder.panel = made("div", "ladder-panel", {
      role: "region", "aria-label": "The segment", "aria-live": "polite", tabindex: "0",
    });
    ladder.panel.hidden = true;
    svg.replaceWith(frame);
    picture.append(svg);
    frame.append(toolbar(ladder), picture, ladder.panel);
    if (ladder.known.segments.length) setUpSegments(ladder);
  }
}

function made(tag, name = "", attributes = {}, text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

// How it is drawn.

function toolbar(ladder) {
  const bar = made("div", "toolbar ladder-tools", { role: "toolbar", "aria-label": "How it is drawn" });
  const { svg } = ladder;
  bar.append(
    choice("Time axis", [["rows", "a row each"], ["time", "linear"]], "rows", (axis) => place(svg, axis)),
    choice("Numbers", [["relative", "relative"], ["absolute", "absolute"]], "relative", (numbers) => {
      svg.dataset.numbers = numbers;
    }),
  );
  return bar;
}

/** Buttons of which one is pressed. */
function choice(label, options, first, choose) {
  const group = made("div", "choice", { role: "group", "aria-label": label });
  group.append(made("span", "muted", { "aria-hidden": "true" }, `${label}:`));
  for (const [value, text] of options) {
    const button = made("button", "", { type: "button", "data-choice": value, "aria-pressed": String(value === first) }, text);
    button.addEventListener("click", () => {
      for (const one of group.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one === button));
      choose(value);
    });
    group.append(button);
  }
  return group;
}

/** Move every piece to where it is in rows, or on a linear axis of time. */
function place(svg, axis) {
  const which = axis === "time" ? 1 : 0;
  const of = (text) => text.split(" ")[which];
  svg.dataset.axis = axis;
  for (const piece of svg.querySelectorAll("[data-y]")) {
    piece.setAttribute("transform", `translate(0 ${of(piece.dataset.y)})`);
  }
  for (const bar of svg.querySelectorAll("[data-span]")) {
    const [y, height] = of(bar.dataset.span).split(",");
    bar.setAttribute("y", y);
    bar.setAttribute("height", height);
  }
  const height = of(svg.dataset.height);
  svg.setAttribute("height", height);
  svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${height}`);
  svg.querySelector(".paper").setAttribute("height", height);
}

// What is known of a segment.

/** One segment takes part in the order of Tab; the arrow keys lead to the others. */
function setUpSegments(ladder) {
  const { svg, known } = ladder;
  const segments = [...svg.querySelectorAll("g.segment")];
  svg.setAttribute("role", "group");
  segments.forEach((segment, index) => {
    segment.setAttribute("role", "button");
    segment.setAttribute("aria-label", `Segment ${known.segments[index].head}`);
    segment.setAttribute("aria-pressed", "false");
    segment.setAttribute("tabindex", index ? "-1" : "0");
    const show = () => choose(ladder, segments, index);
    segment.addEventListener("focus", show);
    segment.addEventListener("click", show);
    segment.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") show(); });
    segment.addEventListener("keydown", (event) => {
      const steps = { ArrowDown: 1, ArrowUp: -1, Home: -index, End: segments.length - 1 - index };
      const next = segments[index + (steps[event.key] ?? NaN)];
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
  });
  // Beside the picture there is room for the first one; below it the panel would cover some of it.
  if (matchMedia("(min-width: 60.01rem)").matches) choose(ladder, segments, 0);
}

function choose(ladder, segments, index) {
  ladder.panel.hidden = false;
  if (ladder.chosen === index) return;
  const before = segments[ladder.chosen ?? 0];
  before.setAttribute("tabindex", "-1");
  before.setAttribute("aria-pressed", "false");
  segments[index].setAttribute("tabindex", "0");
  segments[index].setAttribute("aria-pressed", "true");
  ladder.chosen = index;
  const close = made("button", "close", { type: "button", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => { ladder.panel.hidden = true; });
  ladder.panel.replaceChildren(close, ...particulars(ladder.known, ladder.known.segments[index]));
  ladder.panel.scrollTop = 0;
}

/** The fields of a segment and what every rule said of it, with its arithmetic. */
function particulars(known, segment) {
  const fields = made("dl", "facts");
  for (const [name, value] of segment.fields) fields.append(made("dt", "", {}, name), made("dd", "", {}, value));
  const parts = [made("h4", "", {}, `Segment ${segment.head}`), fields];
  if (segment.plain) parts.splice(1, 0, made("p", "plain", { lang: segment.lang }, segment.plain));
  const said = [...segment.said].sort((one, other) => loudness(one[0]) - loudness(other[0]));
  if (said.length) {
    const list = made("ul", "said");
    list.append(...said.map((ruling) => saying(known.rules, ruling)));
    parts.push(made("h4", "", {}, "What the rules say"), list);
  }
  if (segment.held) parts.push(made("p", "muted", {}, `${segment.held} ${said.length ? "more " : ""}rules held.`));
  return parts;
}

function loudness(verdict) {
  return ["FAIL", "ERROR", "WARN", "NOTE", "KNOWN", "PASS", "INCONCLUSIVE", "SKIPPED"].indexOf(verdict);
}

function saying(rules, [verdict, number, sentence, by, after]) {
  const [rule, cite] = rules[number];
  const item = made("li");
  const id = `rule-${rule}`;
  const name = document.getElementById(id) ? made("a", "", { href: `#${id}` }, rule) : made("code", "", {}, rule);
  const source = made("span", "muted");
  source.append(name, [cite, by && `charged: ${by}`, after].filter(Boolean).map((text) => ` · ${text}`).join(""));
  item.append(made("span", `badge ${verdict.toLowerCase()}`, {}, verdict), ` ${sentence} `, source);
  return item;
}

enliven(document);
