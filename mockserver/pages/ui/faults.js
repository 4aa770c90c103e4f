// The faults: those that are armed, and a form for each of the kinds, made from what the mock says it takes.

import { get } from "./api.js";
import { $, keep, make, setText } from "./dom.js";
import { choice, perform } from "./session.js";
import { python } from "./texts.js";

const SEAMS = {
  request: "a request", dial: "a handshake", wire: "the bytes of a connection", frame: "a frame to the client", tls: "a TLS handshake",
};
let kinds = new Map();

const sort = (schema) => schema.anyOf?.map(sort).find((each) => each !== "null") ?? (schema.enum ? "choice" : schema.type);
const choices = (schema) => schema.enum ?? schema.anyOf?.find((each) => each.enum)?.enum ?? ["true", "false"];
const hint = (schema) => (JSON.stringify(schema).includes("(h|m|s|ms") ? "250ms, 2s, 1h" : sort(schema));

const field = ([name, schema]) => {
  const listed = sort(schema) === "choice" || sort(schema) === "boolean";
  const input = listed
    ? make("select", "", {}, make("option", "as usual", { value: "" }), ...choices(schema).map((each) => make("option", each, { value: each })))
    : make("input", "", { placeholder: hint(schema), size: 12, autocomplete: "off" });
  input.name = name;
  input.schema = schema;
  return make("label", `${name} `, {}, input);
};

// Fields that were filled in, each as what it is.
const read = (parent) => {
  const values = {};
  for (const input of parent.querySelectorAll("input, select")) {
    const given = input.value.trim(), kind = sort(input.schema);
    if (given === "") continue;
    if (kind === "boolean") values[input.name] = given === "true";
    else if (kind === "integer" || kind === "number") values[input.name] = Number(given);
    else if (kind === "choice") values[input.name] = choices(input.schema).find((each) => String(each) === given);
    else if (kind === "array") values[input.name] = given.split(/[\s,]+/);
    else values[input.name] = given;
  }
  return values;
};

const legal = (yes) => (yes ? "✓" : "✗");

const showKind = () => {
  const { about, seam, legal: yes, parameters } = kinds.get($("kind").value);
  const words = yes ? "It can happen at the real venue." : "It cannot happen at the real venue: it tests robustness only.";
  setText($("about"), `${about} It befalls ${SEAMS[seam]}. ${words}`);
  $("parameters").replaceChildren(...Object.entries(parameters.properties).map(field));
};

const arm = () => {
  const kind = $("kind").value, parameters = read($("parameters")), match = read($("match"));
  const name = $("fault-name").value.trim(), probability = $("probability").value.trim();
  const beside = {
    ...(Object.keys(match).length ? { match } : {}),
    ...(probability ? { probability: Number(probability) } : {}),
    ...(name ? { name } : {}),
  };
  const fault = { [kind]: Object.keys(parameters).length ? parameters : null, ...beside };
  const words = Object.entries({ ...parameters, ...beside }).map(([key, value]) => (
    /^(for|from|is|in|as)$/.test(key) ? `**{"${key}": ${python(value)}}` : `${key}=${python(value)}`
  ));
  return perform("/faults", { fault }, {
    said: `armed ${name || kind}`,
    step: () => ({ fault }),
    python: () => `mock_exchange.fault(${[JSON.stringify(kind), ...words].join(", ")})`,
  });
};

const disarm = (name) => perform(`/faults/${encodeURIComponent(name)}/disarm`, {}, {
  said: `disarmed ${name}`,
  step: () => ({ clear: name }),
  python: () => `mock_exchange.control("POST", ${JSON.stringify(`/faults/${encodeURIComponent(name)}/disarm`)})`,
});

export const showFaults = ({ faults }) => keep(
  $("armed"), faults, ({ name }) => name,
  ({ name }) => {
    const button = make("button", "disarm", { "aria-label": `disarm ${name}` });
    button.addEventListener("click", () => disarm(name));
    return make("li", "", {}, make("span"), button);
  },
  (line, { name, fault, legal: yes, hits }) => {
    const what = typeof fault === "string" ? fault : JSON.stringify(fault);
    setText(line.firstChild, `${legal(yes)} ${name}: ${hits} ${hits === 1 ? "hit" : "hits"}${what === name ? "" : ` · ${what}`} `);
  },
);

export const begin = async () => {
  const told = await get("/faults/kinds", { world: choice.world });
  kinds = new Map(told.kinds.map((each) => [each.kind, each]));
  for (const [seam, words] of Object.entries(SEAMS)) {
    const group = make("optgroup", "", { label: `befalls ${words}` });
    for (const each of told.kinds.filter((kind) => kind.seam === seam)) {
      group.append(make("option", `${legal(each.legal)} ${each.kind}`, { value: each.kind }));
    }
    $("kind").append(group);
  }
  $("kind").value = told.kinds[0].kind;
  $("match").replaceChildren(...Object.entries(told.match.properties).map(field));
  showKind();
};

$("kind").addEventListener("change", showKind);
$("arm").addEventListener("submit", (event) => {
  event.preventDefault();
  arm();
});
