// Connections of a report as rows: what each is called, what it is found by, and how two of them are ordered.

const SEVERITY = ["FAIL", "WARN", "NOTE"];
const NEVER_CAME = new Set(["refused", "no answer"]);

/** A row for each connection; of each capture `drawn` has the numbers of those with a ladder or with lines. */
function rowsOf(report, drawn, names) {
  const several = report.captures.length > 1;
  const rows = [];
  const before = { ladders: 0, lines: 0 };
  report.captures.forEach((capture, at) => {
    const pictures = new Map();
    for (const [kind, which] of Object.entries(drawn[at])) {
      which.forEach((number, nth) => pictures.set(number, [kind, before[kind] + nth]));
      before[kind] += which.length;
    }
    for (const connection of capture.connections) {
      const anchor = several ? `connection-${at + 1}-${connection.number}` : `connection-${connection.number}`;
      rows.push({ anchor, capture: at, file: capture.file, name: names[at], connection, place: rows.length, open: false,
        picture: pictures.get(connection.number), words: wordsOf(connection, capture.file) });
    }
  });
  return rows;
}

/** All that the filter looks for in a connection, in lower case. */
function wordsOf(connection, file) {
  const { client, server } = connection;
  const rules = connection.findings.map((found) => found.rule);
  return [endText(client), endText(server), client.isn, server.isn, client.state, server.state,
    connection.opened, endedText(connection), ...rules, ...connection.remarks, file].join("\n").toLowerCase();
}

function endText({ address, port }) {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function openedText(connection) {
  return connection.opened === "simultaneous" ? "opened by both" : connection.opened;
}

/** How it ended, with who began that; a dash for what never came about. */
function endedText(connection) {
  const { opened, ended, ended_by: by } = connection;
  if (opened === "refused" || (opened === "no answer" && ended === "open")) return "–";
  return `${ended === "open" ? "still open" : ended}${by ? ` by the ${by}` : ""}`;
}

/** `rtt`, or any other length of time in ns: three digits in the unit that suits it. */
function durationText(time) {
  if (time === null) return "";
  if (time < 0) return `-${durationText(-time)}`;
  if (time < 1e3) return `${time} ns`;
  for (const [unit, name, limit] of [[1e3, "µs", 1e3], [1e6, "ms", 1e3], [1e9, "s", 60]]) {
    const value = time / unit;
    const rounded = value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
    if (Number(rounded) < limit) return `${Number(rounded)} ${name}`;
  }
  const seconds = Math.round(time / 1e9);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
}

const numbers = new Intl.NumberFormat("en");

function plural(count, word) {
  return `${numbers.format(count)} ${word}${count === 1 ? "" : "s"}`;
}

/** What is looked for in one place only: `port:443`. */
const PLACES = {
  host: ({ client, server }, word) => client.address.includes(word) || server.address.includes(word),
  port: ({ client, server }, word) => String(client.port) === word || String(server.port) === word,
  isn: ({ client, server }, word) => String(client.isn) === word || String(server.isn) === word,
  rule: ({ findings }, word) => findings.some((found) => found.rule.includes(word)),
  state: ({ client, server }, word) => [client, server].some((end) => end.state.toLowerCase().includes(word)),
};

/** Whether a row is one of those asked for: all words of `text`, and each choice that is not empty. */
function asked({ text, opened, ended, found, file }) {
  const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map(wordTest);
  if (opened) tests.push((row) => row.connection.opened === opened);
  if (ended) tests.push((row) => row.connection.ended === ended && !NEVER_CAME.has(row.connection.opened));
  if (found) tests.push((row) => foundTest(row.connection.findings, found));
  if (file) tests.push((row) => String(row.capture) === file);
  return (row) => tests.every((test) => test(row));
}

function wordTest(word) {
  const [, name, rest] = /^([a-z]+):(.+)$/.exec(word) ?? [];
  const place = Object.hasOwn(PLACES, name ?? "") ? PLACES[name] : null;
  return place ? (row) => place(row.connection, rest) : (row) => row.words.includes(word);
}

function foundTest(findings, wanted) {
  if (wanted === "none") return findings.length === 0;
  return wanted === "some" ? findings.length > 0 : findings.some((found) => found.verdict === wanted);
}

/** What a column is sorted by; numbers and strings, null stands last. */
const KEYS = {
  number: (row) => row.place,
  file: (row) => row.capture,
  client: ({ connection }) => addressKey(connection.client),
  server: ({ connection }) => addressKey(connection.server),
  isn: ({ connection }) => connection.client.isn,
  opened: ({ connection }) => openedText(connection),
  ended: ({ connection }) => endedText(connection),
  states: ({ connection }) => `${connection.client.state} ${connection.server.state}`,
  segments: ({ connection }) => connection.segments,
  octets: ({ connection }) => connection.client.octets + connection.server.octets,
  rtt: ({ connection }) => connection.rtt_ns,
  findings: ({ connection }) => gravity(connection.findings),
};

/** Addresses in the order of their numbers, IPv4 first. */
function addressKey({ address, port }) {
  const tail = String(port).padStart(5, "0");
  if (!address.includes(":")) return `4 ${address.split(".").map((part) => part.padStart(3, "0")).join(".")} ${tail}`;
  const [head, rest] = address.split("::").map((half) => half.split(":").filter(Boolean));
  const zeros = rest ? Array(Math.max(0, 8 - head.length - rest.length)).fill("0") : [];
  const groups = [...head, ...zeros, ...(rest ?? [])];
  return `6 ${groups.map((part) => part.padStart(4, "0")).join(":")} ${tail}`;
}

/** The gravest first, then the more the sooner; null for none. */
function gravity(findings) {
  if (!findings.length) return null;
  const worst = Math.min(...findings.map((found) => SEVERITY.indexOf(found.verdict)));
  return worst * 1e6 - findings.length;
}

/** Rows in the order of a column; equal ones stay as they were in the capture. */
function ordered(rows, key, descending) {
  const keyed = rows.map((row) => [KEYS[key](row), row]);
  const way = descending ? -1 : 1;
  keyed.sort(([one, a], [other, b]) => {
    if (one === other) return a.place - b.place;
    if (one === null || other === null) return one === null ? 1 : -1;
    return one < other ? -way : way;
  });
  return keyed.map(([, row]) => row);
}
