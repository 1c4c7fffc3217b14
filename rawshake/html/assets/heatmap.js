// The grid: one stop for Tab, arrow keys from cell to cell, words for the cell that is looked at.

/** Make the cells walkable; `told(number)` gives sentences about a cell, `open(number)` is called for a click. */
function setUpHeatmap(told, open = () => {}) {
  const table = document.getElementById("heatmap");
  if (!table) return;
  const readout = document.getElementById("readout");
  const cells = [...table.querySelectorAll("button.cell")];
  const at = new Map();
  for (const cell of cells) {
    const { x, y, rows } = cell.dataset;
    for (let row = Number(y); row < Number(y) + Number(rows); row += 1) at.set(`${x},${row}`, cell);
  }
  const width = Math.max(...cells.map((cell) => Number(cell.dataset.x))) + 1;
  const height = Math.max(...cells.map((cell) => Number(cell.dataset.y) + Number(cell.dataset.rows)));
  let current = cells[0];
  let row = 0; // a tall cell is left in the row in which it was entered
  if (current) current.tabIndex = 0;

  function say(cell) {
    const words = told(Number(cell.dataset.number));
    readout.textContent = [cell.getAttribute("aria-label"), ...words].join(" · ");
  }

  function enter(cell) {
    current.tabIndex = -1;
    current = cell;
    current.tabIndex = 0;
    current.focus();
  }

  /** Go on in a direction to the next cell that there is. */
  function step(dx, dy) {
    let x = Number(current.dataset.x) + dx;
    let y = row + dy;
    while (x >= 0 && x < width && y >= 0 && y < height) {
      const found = at.get(`${x},${y}`);
      if (found && found !== current) {
        row = y;
        enter(found);
        return;
      }
      x += dx;
      y += dy;
    }
  }

  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  table.addEventListener("keydown", (event) => {
    if (!event.target.matches("button.cell") || !(event.key in steps)) return;
    event.preventDefault();
    step(...steps[event.key]);
  });
  table.addEventListener("focusin", (event) => {
    if (!event.target.matches("button.cell")) return;
    if (event.target !== current) {
      current.tabIndex = -1;
      current = event.target;
      current.tabIndex = 0;
      row = Number(current.dataset.y);
    }
    say(current);
  });
  table.addEventListener("pointerover", (event) => {
    if (event.target.matches("button.cell")) say(event.target);
  });
  table.addEventListener("click", (event) => {
    const cell = event.target.closest("button.cell");
    if (cell) open(Number(cell.dataset.number));
  });

  // A note's letter in the legend shows where it is.
  const letters = [...document.querySelectorAll("[data-letter]")];
  for (const button of letters) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      for (const other of letters) other.setAttribute("aria-pressed", String(shown && other === button));
      for (const cell of cells) {
        cell.classList.toggle("aside", shown && !cell.textContent.includes(button.dataset.letter));
      }
    });
  }
}
