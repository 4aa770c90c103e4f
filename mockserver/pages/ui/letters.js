// Explains the letters of the venues' messages: reads a message as it stands, field by field, with what each means.

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
let table = {};

export const load = async () => {
  table = await (await fetch("/__mock/ui/letters.json")).json();
};

// Every field of a JSON text as { path, key, value, at }: a list adds nothing to the path, the text stays as it was.
const fields = (text) => {
  const found = [], stack = [];
  let key = null;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0], inside = stack.at(-1);
    if (token === "{" || token === "[") {
      const path = key === null ? inside?.path ?? "" : `${inside.path}${key.name}.`;
      if (key) found.push({ ...key, path: inside.path + key.name, value: token === "{" ? "{…}" : "[…]" });
      stack.push({ list: token === "[", path, wantsKey: token === "{" });
      key = null;
    } else if (token === "}" || token === "]") {
      stack.pop();
    } else if (token === "," && inside) {
      inside.wantsKey = !inside.list;
    } else if (token === ":") {
      if (inside) inside.wantsKey = false;
    } else if (inside?.wantsKey && token.startsWith('"')) {
      key = { name: token.slice(1, -1), at: match.index, length: token.length };
    } else if (key && inside) {
      found.push({ ...key, path: inside.path + key.name, value: token });
      key = null;
    }
  }
  return found;
};

// What a message is, and its fields with their meanings; null where it is none that is explained.
export const explain = (text) => {
  if (!text.startsWith("{")) return null;
  const all = fields(text);
  const of = (path) => all.find((each) => each.path === path)?.value.replaceAll('"', "");
  const channel = of("channel");
  const envelope = channel ? "" : ["", "event.", "data."].find((prefix) => of(`${prefix}e`) !== undefined);
  if (envelope === undefined) return null;
  const name = channel ? `ftx ${channel}` : of(`${envelope}e`), letters = table[name];
  if (letters === undefined) return null;
  const known = all
    .map((each) => ({ ...each, path: each.path.slice(envelope.length), inside: each.path.startsWith(envelope) }))
    .map((each) => ({ ...each, means: each.inside ? letters[each.path] : undefined }));
  return { name, fields: known.filter((each) => each.inside) };
};
