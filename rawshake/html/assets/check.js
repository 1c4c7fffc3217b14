// The table of connections: as many rows as a page shows, the rest in memory; each row opens its ladder.

/** Rows that are printed at the most, whatever page is shown. */
const PRINTED = 1000;

/** An element; attributes that are null are left out, and so are children that are null or empty. */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) if (value !== null) made.setAttribute(name, value);
  made.append(...children.flat().filter((child) => child !== null && child !== ""));
  return made;
}

function setUpTable(rows, several) {
  const filters = document.getElementById("filters");
  const body = document.getElementById("rows");
  const heads = [...document.querySelectorAll("#table th[data-key]")];
  const size = document.getElementById("size");
  const shown = { key: "number", descending: false, sorted: rows, rows, page: 0 };

  function choose() {
    const field = (name) => document.getElementById(name)?.value ?? "";
    const names = ["text", "opened", "ended", "found", "file"];
    const wanted = asked(Object.fromEntries(names.map((name) => [name, field(name)])));
    shown.rows = shown.sorted.filter(wanted);
    shown.page = 0;
    draw();
  }

  function draw(count = Number(size.value)) {
    const pages = Math.max(1, Math.ceil(shown.rows.length / count));
    shown.page = Math.min(Math.max(shown.page, 0), pages - 1);
    const first = shown.page * count;
    const some = shown.rows.slice(first, first + count);
    body.replaceChildren(...some.flatMap((row) => lines(row, several)));
    if (!some.length) body.append(nothing());
    tell(first, some.length);
    const ends = { first: shown.page === 0, previous: shown.page === 0, next: shown.page === pages - 1,
      last: shown.page === pages - 1 };
    for (const button of document.querySelectorAll("[data-page]")) button.disabled = ends[button.dataset.page];
  }

  function nothing() {
    return element("tr", null, element("td", { colspan: heads.length, class: "muted" }, "No connection is so."));
  }

  function tell(first, count) {
    const of = shown.rows.length === rows.length ? plural(rows.length, "connection")
      : `${numbers.format(shown.rows.length)} of ${plural(rows.length, "connection")}`;
    const part = count < shown.rows.length ? `; rows ${numbers.format(first + 1)} to ${numbers.format(first + count)}` : "";
    document.getElementById("count").textContent = of + part;
  }

  function sort(key) {
    shown.descending = shown.key === key && !shown.descending;
    shown.key = key;
    for (const head of heads) {
      if (head.dataset.key === key) head.setAttribute("aria-sort", shown.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    shown.sorted = ordered(rows, key, shown.descending);
    choose();
  }

  /** Show and open the connection that a fragment names, whatever is filtered. */
  function visit(hash) {
    const row = rows.find((one) => `#${one.anchor}` === hash);
    if (!row) return;
    if (!shown.rows.includes(row)) {
      filters.reset();
      choose();
    }
    row.open = true;
    shown.page = Math.floor(shown.rows.indexOf(row) / Number(size.value));
    draw();
    const line = document.getElementById(row.anchor);
    line.querySelector("button").focus({ preventScroll: true });
    line.scrollIntoView();
    // Its ladder comes a moment later, and only then there may be room to scroll.
    if (row.picture) unpack(...row.picture).then(() => setTimeout(() => line.scrollIntoView()));
  }

  function pick(kind, value) {
    filters.reset();
    if (kind === "rule") document.getElementById("text").value = `rule:${value}`;
    else document.getElementById(kind).value = value;
    choose();
    document.getElementById("connections").scrollIntoView();
  }

  filters.addEventListener("input", choose);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", () => setTimeout(choose)); // the fields are empty only after the event
  size.addEventListener("change", () => { shown.page = 0; draw(); });
  for (const head of heads) head.querySelector("button").addEventListener("click", () => sort(head.dataset.key));
  const steps = { first: () => 0, previous: (page) => page - 1, next: (page) => page + 1, last: () => Infinity };
  for (const button of document.querySelectorAll("[data-page]")) {
    button.addEventListener("click", () => { shown.page = steps[button.dataset.page](shown.page); draw(); });
  }
  for (const button of document.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", () => pick(button.dataset.choose, button.dataset.value));
  }
  addEventListener("hashchange", () => visit(location.hash));
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#connection-"]');
    if (link && link.hash === location.hash) visit(link.hash); // which changes no fragment
  });
  addEventListener("beforeprint", () => draw(PRINTED));
  addEventListener("afterprint", () => draw());
  heads[0].setAttribute("aria-sort", "ascending");
  draw();
  visit(location.hash);
}

/** The line of a connection, and what it opens if it is open. */
function lines(row, several) {
  const { connection } = row;
  const { client, server } = connection;
  const button = element("button", { type: "button", class: "toggle", "aria-expanded": String(row.open),
    "aria-label": `Connection ${connection.number}` }, numbers.format(connection.number));
  const line = element("tr", { id: row.anchor, class: "connection" },
    element("td", { class: "number" }, button),
    several ? element("td", { class: "capture", title: row.file }, row.name) : null,
    element("td", { class: "mono client" }, endText(client)),
    element("td", { class: "mono server" }, endText(server)),
    element("td", null, openedText(connection)),
    element("td", { class: "ended" }, endedText(connection)),
    element("td", { class: "found" }, foundIn(connection)),
    element("td", { class: "number" }, durationText(connection.rtt_ns)),
    element("td", { class: "number" }, numbers.format(connection.segments)),
    two("number", numbers.format(client.octets), numbers.format(server.octets)),
    two("state", client.state, server.state),
    two("number mono", isnText(client), isnText(server)));
  const toggle = () => {
    row.open = !row.open;
    button.setAttribute("aria-expanded", String(row.open));
    if (row.open) line.after(more(row, line.cells.length));
    else line.nextElementSibling.remove();
    history.replaceState(null, "", row.open ? `#${row.anchor}` : location.pathname + location.search);
  };
  button.addEventListener("click", toggle);
  line.addEventListener("click", (event) => {
    const chosen = String(getSelection());
    if (!chosen && !event.target.closest("a, button")) toggle();
  });
  return row.open ? [line, more(row, line.cells.length)] : [line];
}

/** A cell of what both ends have: the client's over the server's. */
function two(kind, client, server) {
  return element("td", { class: `two ${kind}` }, element("div", { class: "client" }, client),
    element("div", { class: "server" }, server));
}

function isnText({ isn }) {
  return isn === null ? "not seen" : String(isn);
}

/** A badge for each rule, the gravest first, each once. */
function foundIn({ findings }) {
  const times = new Map();
  for (const verdict of SEVERITY) {
    for (const found of findings.filter((one) => one.verdict === verdict)) {
      const key = `${verdict} ${found.rule}`;
      times.set(key, (times.get(key) ?? 0) + 1);
    }
  }
  return [...times].map(([key, count]) => {
    const [verdict, rule] = key.split(" ");
    return element("div", null, badge(verdict), " ", ruleLink(rule), count > 1 ? ` ×${count}` : "");
  });
}

function badge(verdict) {
  return element("span", { class: `badge ${verdict.toLowerCase()}` }, verdict);
}

function ruleLink(rule) {
  return document.getElementById(`rule-${rule}`) ? element("a", { href: `#rule-${rule}` }, rule) : rule;
}

/** What a line opens: the ladder, and all else that is known of the connection. */
function more(row, columns) {
  const picture = element("div", { class: "picture" });
  const inside = element("div", { class: "inside" }, about(row), picture);
  show(row, picture);
  return element("tr", { class: "more" }, element("td", { colspan: columns }, inside));
}

/** Put the segments of a connection into their place. */
async function show(row, picture) {
  if (!row.picture) {
    picture.append(noLadder(row));
    return;
  }
  const [kind, number] = row.picture;
  const text = await unpack(kind, number);
  if (kind === "lines") {
    picture.append(briefly(text, row));
    return;
  }
  picture.innerHTML = text; // drawn and escaped when the page was made
  enliven(picture);
}

function noLadder({ file, connection }) {
  return element("p", { class: "muted" }, "The segments are not in this page.",
    ...hint(" To see them: ", file, connection));
}

/** A command that shows more of a connection, unless its packets were in no file. */
function hint(words, file, connection, more = "") {
  if (data("live")) return [];
  const command = `rawshake check ${quoted(file)} --connection ${connection.number}${more}`;
  return [words, element("code", null, command)];
}

/** A word for a shell. */
function quoted(word) {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function about(row) {
  const { connection } = row;
  const again = Object.entries(connection.retransmissions).filter(([, count]) => count)
    .map(([kind, count]) => `${count} ${AGAIN[kind]}`).join(", ");
  const { first_frame: first, last_frame: last } = connection;
  const facts = [
    ["Client", `${endText(connection.client)}, ISN ${isnText(connection.client)}`],
    ["Server", `${endText(connection.server)}, ISN ${isnText(connection.server)}`],
    ["Left in", `${connection.client.state} / ${connection.server.state}`],
    ["Opened", openedText(connection)],
    ["Ended", endedText(connection)],
    ["Begun", startText(connection.first_ns)],
    ["Took", connection.first_ns === null ? "" : durationText(connection.last_ns - connection.first_ns)],
    ["Round trip", durationText(connection.rtt_ns)],
    ["Segments", `${numbers.format(connection.segments)}${first ? ` in ${first === last ? `frame ${first}` : `frames ${first} to ${last}`}` : ""}`],
    ["Octets", `${numbers.format(connection.client.octets)} / ${numbers.format(connection.server.octets)}`],
    ["Sent again", again],
    ["Remarks", connection.remarks.join("; ")],
  ].filter(([, value]) => value !== "");
  return element("div", { class: "about" },
    element("h3", null, element("a", { href: `#${row.anchor}` }, `Connection ${connection.number}`)),
    element("dl", { class: "spread" }, facts.map(([word, value]) =>
      element("div", null, element("dt", null, word), element("dd", null, value)))),
    connection.findings.length ? element("ul", { class: "occurrences" }, connection.findings.map(finding)) : null,
    connection.undecidable.length ? undecided(connection.undecidable) : null);
}

const AGAIN = { syn: "SYN", syn_ack: "SYN-ACK", fin: "FIN", data: "data" };

/** Nanoseconds since the epoch, of which JavaScript's numbers keep the milliseconds. */
function startText(time) {
  return time === null ? "" : new Date(time / 1e6).toISOString().replace("T", " ").replace("Z", " UTC");
}

function finding(found) {
  const where = found.frame ? `frame ${found.frame}` : `segment ${found.number}`;
  return element("li", null, badge(found.verdict), " ", ruleLink(found.rule), `, ${where}, the ${found.end}: `,
    found.segment ? element("code", { class: "segment" }, found.segment) : null, " ",
    element("span", { class: "sentence" }, found.sentence), " ", element("span", { class: "muted" }, found.cite));
}

function undecided(reasons) {
  return element("details", null, element("summary", null, `${plural(reasons.length, "thing")} not judged`),
    element("ul", null, reasons.map(({ rule, reason, count }) =>
      element("li", null, element("span", { class: "mono" }, rule), `: ${reason}${count > 1 ? ` (${count} times)` : ""}`))));
}

unpack("report").then((text) => {
  const report = JSON.parse(text);
  setUpTable(rowsOf(report, data("drawn"), data("names")), report.captures.length > 1);
});
