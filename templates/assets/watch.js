// Follows a link between two devices: server-sent events, and behind them a question every few seconds, for networks
// that hold events back.

import { look } from "./ask.js";
import * as card from "./card.js";

const EVERY = 3000;
const STAGES = ["shown", "found", "approved"];
const left = card.words.left.split("|");

let stop = () => {};

export const unwatch = () => stop();

// Calls `heard` with `state` and each newer one, until it is told something that is the end of the link.
export function watch(state, heard) {
  stop();
  const query = `?link=${encodeURIComponent(state.link)}`;
  const leaving = new AbortController();
  const { signal } = leaving;
  const stream = new EventSource(`/_bmauth/link/events${query}`);
  let live = false;
  let asking = false;
  let stage = -1;
  let ends = 0;

  const timers = [setInterval(poll, EVERY), setInterval(count, 1000)];
  stop = () => {
    leaving.abort();
    stream.close();
    timers.forEach(clearInterval);
  };

  // Answers may overtake each other: an older stage is no news.
  function tell(now) {
    if (signal.aborted) return;
    const next = STAGES.indexOf(now.stage);
    if (next >= 0 && next < stage) return;
    stage = next;
    ends = Date.now() + now.seconds * 1000;
    const news = document.getElementById("news");
    if (news.dataset.lost) {
      news.hidden = true;
      delete news.dataset.lost;
    }
    if (next < 0 || now.stage === "approved") stop();
    heard(now);
    count();
  }

  function count() {
    if (signal.aborted) return;
    const seconds = (ends - Date.now()) / 1000;
    if (seconds <= 0) tell({ ...state, stage: "too-old" });
    else card.put({ left: left[Math.min(Math.ceil(seconds / 60), left.length) - 1] });
  }

  async function poll(again) {
    if (asking || (live && again !== true)) return;
    asking = true;
    try {
      tell(await look(`link/state${query}`, signal));
    } catch (error) {
      if (error.code === "no-link") tell({ ...state, stage: "too-old" });
      else lost();
    }
    asking = false;
  }

  function lost() {
    const news = document.getElementById("news");
    if (signal.aborted) return;
    news.dataset.lost = "true";
    news.hidden = false;
    news.textContent = card.words.offline;
  }

  stream.onmessage = (event) => {
    live = true;
    tell(JSON.parse(event.data));
  };
  stream.onerror = () => {
    live = false;
  };
  // A device that slept may have missed everything, and not know it.
  const awake = () => document.hidden || poll(true);
  document.addEventListener("visibilitychange", awake, { signal });
  addEventListener("online", awake, { signal });

  tell(state);
}
