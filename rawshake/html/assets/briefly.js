// Connections that are shown in lines, where a page has too many to draw all: a ladder made of a table.

/** `67 0.000042 < S. 0:0(0) ack 1 win 65160 # ESTABLISHED? / SYN-RECEIVED # what else is to be said`, each line so. */
function briefly(text, { file, connection }) {
  const rows = [];
  let before = ["", ""];
  for (const line of text.trimEnd().split("\n")) {
    const [, frame, time, way, rest] = /^(\d+) (\S+) ([<>]) (.*)$/.exec(line) ?? [];
    if (!way) {
      rows.push(element("tr", null, element("td", { colspan: 5, class: "remark" }, line.replace(/^# /, ""))));
      continue;
    }
    const [segment, states, ...said] = rest.split(" # ");
    const after = states.split(" / ");
    rows.push(segmentRow({ frame, time, way, segment, said, after, before }));
    before = after;
  }
  const heads = ["Frame", "Seconds", "Client", "Segment", "Server"];
  const table = element("table", { class: "briefly" },
    element("thead", null, element("tr", null, heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", null, rows));
  const box = element("div", { class: "wide", role: "region", "aria-label": "Segments", tabindex: "0" }, table);
  return element("div", null, box, legend(file, connection));
}

function segmentRow({ frame, time, way, segment, said, after, before }) {
  const [client, server] = after.map((state, at) => (state === before[at] ? "" : state));
  const sender = way === ">" ? "client" : "server";
  const [, fields, options, marks] = /^(.*?)(?: <(.*)>)?((?: \[[^\]]*\])*)$/.exec(segment);
  return element("tr", { class: sender },
    element("td", { class: "number muted" }, frame),
    element("td", { class: "number muted" }, time),
    element("td", { class: "state at-client" }, client),
    element("td", { class: "arrow" },
      element("div", { class: "segment" }, element("span", { class: "hidden" }, `${sender}: `), fields + marks),
      options ? element("div", { class: "options" }, options) : null,
      said.map((one) => element("div", { class: "remark" }, one))),
    element("td", { class: "state at-server" }, server));
}

function legend(file, connection) {
  return element("p", { class: "hint" },
    "Shown in brief, as there are many. Numbers count from the ISNs; S is SYN, F is FIN, R is RST, P is PSH, a dot ACK.",
    ...hint(" As a ladder: ", file, connection, " --html connection.html"));
}
