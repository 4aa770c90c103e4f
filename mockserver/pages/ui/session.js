// What was clicked in this session, in order: each act as a step of a scenario and as a line of a pytest.

import { post } from "./api.js";
import { $, say, setText } from "./dom.js";

export const acts = [];
export const heard = { seq: 0 }; // the newest entry of the journal that the page has seen
export const choice = { world: "default", venue: "", account: "", market: "" };
let changed = () => {};
export const whenChanged = (call) => { changed = call; };

// Do something by the control API and keep it. `act`: said (words), step (of a scenario), python (a line), order.
export const perform = async (path, body, act) => {
  const place = { seq: heard.seq, at: Date.now(), ...choice };
  try {
    const answer = await post(path, { ...body, world: choice.world });
    acts.push({ ...place, ...act });
    setText($("acts"), `${acts.length} ${acts.length === 1 ? "act" : "acts"} so far`);
    say(act.said);
    changed();
    return answer;
  } catch (error) {
    say(`${act.said}: ${error.message}`, true);
    changed();
    return undefined;
  }
};
