/* Sorting and filtering of the tables in a page or a notebook's cell. */
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    const key = cell.dataset.key ?? cell.textContent.trim();
    const number = Number(key);
    return key !== "" && !Number.isNaN(number) ? number : key;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b
      : typeof a === "number" ? -1 : typeof b === "number" ? 1
      : a.localeCompare(b, undefined, { numeric: true });
  const sort = (button) => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].sort((a, b) =>
      compare(value(a, head.cellIndex), value(b, head.cellIndex)));
    body.append(...(down ? rows.reverse() : rows));
  };
  const filter = (field) => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of field.closest("div").querySelectorAll("tbody tr")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  };
  if (window.fluentmlTables) return;
  window.fluentmlTables = true;
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".fml table[data-sortable] th button");
    if (button) sort(button);
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches?.(".fml [data-filter]")) filter(event.target);
  });
})();
