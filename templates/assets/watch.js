// Follows a link between two devices: server-sent events, and beside them a question every few seconds, for networks that
// hold events back, be it after the first.

import { look } from "./ask.js";
import * as card from "./card.js";
import { texts } from "./texts.js";

// Milliseconds between two questions; where events come, between the last and a question.
const EVERY = 3000;
const EVERY_BESIDE = 6000;
const STAGES = ["shown", "found", "approved"];

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
  let next = 0;

  const counting = setInterval(count, 1000);
  stop = () => {
    leaving.abort();
    stream.close();
    clearInterval(counting);
    clearTimeout(next);
  };

  function later() {
    clearTimeout(next);
    if (!signal.aborted) next = setTimeout(poll, live ? EVERY_BESIDE : EVERY);
  }

  // Answers may overtake each other: an older stage is no news.
  function tell(now) {
    if (signal.aborted) return;
    const reached = STAGES.indexOf(now.stage);
    if (reached >= 0 && reached < stage) return;
    stage = reached;
    ends = Date.now() + now.seconds * 1000;
    const news = document.getElementById("news");
    if (news.dataset.lost) {
      news.hidden = true;
      delete news.dataset.lost;
    }
    if (reached < 0) stop();
    heard(now);
    count();
  }

  function count() {
    if (signal.aborted) return;
    const seconds = (ends - Date.now()) / 1000;
    if (seconds <= 0) tell({ ...state, stage: "too-old" });
    else card.put({ left: texts.left?.[Math.min(Math.ceil(seconds / 60), texts.left.length) - 1] });
  }

  async function poll() {
    if (asking) return;
    asking = true;
    try {
      tell(await look(`link/state${query}`, signal));
    } catch (error) {
      // It was finished, or swept away, while this device slept; it cannot be known which.
      if (error.code === "no-link") tell({ ...state, stage: "gone" });
      else lost();
    }
    asking = false;
    later();
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
    later();
    tell(JSON.parse(event.data));
  };
  // It tries again by itself, and errs each time.
  stream.onerror = () => {
    if (!live) return;
    live = false;
    later();
  };
  // A device that slept may have missed everything, and not know it.
  const awake = () => document.hidden || poll();
  document.addEventListener("visibilitychange", awake, { signal });
  addEventListener("online", awake, { signal });

  later();
  tell(state);
}
