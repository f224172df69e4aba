/* What a row of a chart's table says: the cursor's box and its announcement read it from there, unit and zone too. */

export function make(name, className, more = {}) {
  return Object.assign(document.createElement(name), { className, ...more });
}

/* As [name, text, unit], without what it says nothing about; a gap has words and no unit. */
function values(row) {
  const heads = [...row.closest("table").querySelectorAll("th[data-name]")];
  return [...row.querySelectorAll("td")]
    .map((cell, i) => {
      const { name, unit } = heads[i].dataset;
      return [name, cell.textContent, cell.classList.contains("dim") ? "" : unit];
    })
    .filter(([, text]) => text);
}

function when(row) {
  return row.querySelector("th").textContent;
}

export function lines(row) {
  const list = make("div", "chart-values");
  for (const [name, text, unit] of values(row)) {
    const value = make("b", unit ? "" : "gap", { textContent: `${text} ${unit}`.trim() });
    list.append(make("span", "", { textContent: name }), value);
  }
  return [make("div", "chart-at", { textContent: when(row) }), list];
}

export function sentence(row) {
  return `${when(row)}: ${values(row).map((value) => value.join(" ").trim()).join(", ")}`;
}
