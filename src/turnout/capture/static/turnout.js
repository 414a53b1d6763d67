/* Turnout's live beacon: tells a Turnout server what a viewer watches and does (docs/live.md).
   No cookies; a guest is a random id in localStorage. Times are of one clock, which only goes forward. */
(() => {
  "use strict";
  const SLOTS = 360, ACTS = 60, PAUSE_MS = 1000, TIMEOUT_MS = 20000, SLEPT_MS = 2000, GAP_MS = 90000;
  const EVENTS = "play playing pause waiting seeking seeked ended emptied error timeupdate".split(" ");
  const script = document.currentScript, data = script.dataset, players = [];
  const url = new URL("v1/live/" + encodeURIComponent(data.campaign || ""), script.src);
  const slotMs = 1000 * Math.min(60, Math.max(1, Number(data.intervalS) || 10));
  let { viewer = "", token = "" } = data;
  let session, slots = [], acts = [], likes, lap = 0, next, since = null, manual = false;
  let seen = performance.now(), wall = Date.now(), slept = -seen;
  let busy = false, timer = 0, tried = -slotMs, quietUntil = 0, number = 0, fresh = false, guestId;
  if (data.key) url.searchParams.set("key", data.key);

  const random = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
  const clock = () => Math.round(performance.now() + slept);

  function guest() {
    guestId ||= "guest-" + random();
    try {
      guestId = localStorage["turnout.guest"] ||= guestId;
    } catch {} // blocked: for this page only
    return guestId;
  }

  // Playing time is cut into slots; a lap of them begins whenever it starts again.
  function cut(end) {
    slots.push([lap, next++, end, end - since]);
    if (slots.length > SLOTS) slots.shift();
    since = end;
    fresh = true;
  }
  function advance(now) {
    while (now - since >= slotMs) cut(since + slotMs);
  }
  function begin(now) {
    [lap, next, since] = [lap + 1, 0, now];
  }
  function finish(now) {
    advance(now);
    if (now > since) cut(now);
    since = null;
  }

  // A machine that slept, or a page that was frozen, showed nothing meanwhile.
  function wake() {
    const now = performance.now(), gone = now - seen, lost = Date.now() - wall - gone;
    if ((lost > SLEPT_MS || gone > GAP_MS) && since !== null) finish(Math.round(seen + slept));
    if (lost > SLEPT_MS) slept += lost;
    [seen, wall] = [now, Date.now()];
  }

  function tick() {
    wake();
    const now = clock();
    const on = manual || players.some((one) => !one.paused && !one.ended && !one.seeking && one.readyState > 2);
    if (on && since === null) begin(now);
    else if (on) advance(now);
    else if (since !== null) {
      finish(now);
      soon();
    }
    if (now - tried >= slotMs) send();
  }

  // What is not confirmed is sent again; the server knows a slot by session, lap and number.
  function body() {
    const who = token ? { token } : viewer ? { viewer } : { viewer: guest(), guest: true };
    return JSON.stringify({ session, clock_ms: clock(), slots, acts, ...who });
  }
  function soon() {
    timer ||= setTimeout(send, Math.max(50, tried + PAUSE_MS - clock()));
  }
  async function send() {
    const sent = [...slots, ...acts];
    timer = 0;
    if (busy || clock() < quietUntil || !sent.length) return;
    let taken;
    [busy, likes, tried, fresh] = [true, null, clock(), false];
    const abort = new AbortController(), late = setTimeout(() => abort.abort(), TIMEOUT_MS);
    const how = { method: "POST", body: body(), keepalive: true, credentials: "omit", signal: abort.signal };
    try {
      const { ok, status, headers } = await fetch(url, how);
      if (status === 429 || status === 503) quietUntil = clock() + 1000 * (headers.get("Retry-After") || 5);
      taken = ok || [400, 404, 413, 415].includes(status);
    } catch {} // no network: with the next heartbeat
    clearTimeout(late);
    busy = false;
    if (!taken) return void (fresh = true);
    slots = slots.filter((one) => !sent.includes(one));
    acts = acts.filter((one) => !sent.includes(one));
    if (fresh) soon();
  }

  // The page is hidden or left: what was watched until now goes at once, and again until confirmed.
  function leave() {
    wake();
    const now = clock();
    if (since !== null) {
      finish(now);
      begin(now);
    }
    if (fresh) navigator.sendBeacon(url, body());
    [fresh, likes] = [false, null];
  }

  function act(type, times, product = "") {
    const quantity = Math.min(1000, Math.max(1, Math.round(times) || 1));
    if (type === "liked" && likes?.[3] + quantity <= 1000) likes[3] += quantity;
    else if (acts.length < ACTS) {
      acts.push([number++, type, clock(), quantity, String(product).slice(0, 256)]);
      if (type === "liked") likes = acts.at(-1);
    }
    fresh = true;
    soon();
  }

  // Another viewer is another session; what the one before did goes out under his own name.
  function identify(id = "", proof = "") {
    if (id !== viewer || !token || !proof) {
      fresh = true;
      leave();
      [session, slots, acts] = [random(), [], []];
    }
    [viewer, token] = [id, proof];
  }
  function watch(media) {
    if (!media || players.includes(media)) return;
    players.push(media);
    for (const name of EVENTS) media.addEventListener(name, tick);
    tick();
  }
  const attach = () => data.player === "none" || watch(document.querySelector(data.player || "video"));

  session = random();
  window.turnout = {
    watch,
    identify,
    start: () => tick((manual = true)),
    stop: () => tick((manual = false)),
    like: (times) => act("liked", times),
    chat: () => act("chatted"),
    product: (id) => act("product_clicked", 1, id),
    banner: () => act("banner_clicked"),
  };
  document.addEventListener("click", ({ target }) => {
    const found = target.closest?.("[data-turnout-product],[data-turnout-banner]")?.dataset;
    if (found) "turnoutProduct" in found ? act("product_clicked", 1, found.turnoutProduct) : act("banner_clicked");
  }, true);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : tick()));
  addEventListener("pagehide", leave);
  addEventListener("online", soon);
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", attach) : attach();
  setInterval(tick, 1000);
})();
