// The control API: ask it, do something by it, follow the journal.

const PREFIX = "/__mock";

const asked = async (method, path, { query = {}, body } = {}) => {
  const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== ""));
  const response = await fetch(`${PREFIX}${path}${given.size ? `?${given}` : ""}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? `${response.status}`);
  return answer;
};

export const get = (path, query) => asked("GET", path, { query });
export const post = (path, body) => asked("POST", path, { body });

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Tells `hear` of the journal's entries as they come, for ever; `world()` names the world, `lost` is told of failures.
export const follow = async (world, hear, lost) => {
  let of, since = 0;
  for (;;) {
    try {
      const now = world();
      const fresh = now !== of;
      if (fresh) [of, since] = [now, 0];
      const { newest, entries } = await get("/events", { world: now, since, wait_ms: fresh ? 0 : 5000 });
      if (world() !== now) continue;
      if (newest < since) { // the world has begun anew
        of = undefined;
        continue;
      }
      since = newest;
      if (fresh || entries.length) hear(entries, fresh);
      lost("");
      if (entries.length) await pause(100); // what comes together is shown together
    } catch (error) {
      lost(String(error.message ?? error));
      await pause(1000);
    }
  }
};
