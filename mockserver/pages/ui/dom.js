// Small helpers: make elements, keep a list of rows up to date without losing the focus, say what happened.

export const $ = (id) => document.getElementById(id);

export const make = (tag, text = "", attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...(text === "" ? [] : [text]), ...children);
  return made;
};

export const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

// One child of `parent` for each row, in their order: made once, then changed; so a button that has the focus keeps it.
export const keep = (parent, rows, key, build, change) => {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  rows.forEach((row, place) => {
    const name = String(key(row));
    let child = known.get(name);
    if (child === undefined) {
      child = build(row);
      child.dataset.key = name;
    }
    known.delete(name);
    change(child, row);
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
  const lost = [...known.values()].some((child) => child.contains(document.activeElement));
  for (const child of known.values()) child.remove();
  const empty = parent.closest("section").querySelector(".empty");
  if (empty) empty.hidden = rows.length > 0;
  if (lost) parent.closest("section").focus(); // not the next button: who types Enter twice means one thing
};

export const cells = (row, texts) => texts.forEach((text, place) => setText(row.cells[place], text));

export const say = (text, wrong = false) => {
  const said = $("said");
  said.className = wrong ? "wrong" : "";
  said.textContent = text;
};

export const options = (select, values, chosen) => {
  if ([...select.options].map((each) => each.value).join("\n") !== values.join("\n")) {
    select.replaceChildren(...values.map((value) => make("option", value, { value })));
  }
  if (values.includes(chosen)) select.value = chosen;
  return select.value;
};

export const span = (ns) => {
  const seconds = Number(ns) / 1e9;
  if (Math.abs(seconds) < 120) return `${seconds.toFixed(1)} s`;
  if (Math.abs(seconds) < 7200) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
};
