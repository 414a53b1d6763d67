// Keeps the page of a live show up to date: asks every few seconds for what changes, and puts it in its place.
"use strict";

(() => {
  const TIMEOUT_MS = 15000, MOST_MS = 60000, FEWEST_MS = 2000;
  const show = document.getElementById("show"), trouble = document.getElementById("show-trouble");
  const own = (id, root = document) => root.querySelector("#" + id);
  let timer = 0, failures = 0, busy = false, over = false;

  const pollMs = () => Math.max(FEWEST_MS, 1000 * Number(own("show-now").dataset.pollS) || 0);

  // Only what is different is touched, so that nothing is announced, closed or lost that stays the same.
  function put(id, part) {
    const older = own(id), newer = own(id, part);
    if (newer && older.innerHTML !== newer.innerHTML) older.replaceChildren(...newer.childNodes);
  }

  function putCharts(part) {
    const older = own("show-charts"), newer = own("show-charts", part);
    if (!newer.childElementCount || newer.dataset.version === older.dataset.version) return;
    // Somebody is reading: the next time will do.
    if (older.querySelector("figure:hover, .scroll:hover") || older.contains(document.activeElement)) return;
    const open = [...older.querySelectorAll("details[open]")].map((one) => one.id);
    const places = new Map([...older.querySelectorAll(".scroll")].map((one) => [one.ariaLabel, one.scrollTop]));
    older.replaceChildren(...newer.childNodes);
    older.dataset.version = newer.dataset.version;
    for (const id of open) own(id, older)?.setAttribute("open", "");
    for (const one of older.querySelectorAll(".scroll")) one.scrollTop = places.get(one.ariaLabel) ?? 0;
  }

  function take(html) {
    const part = new DOMParser().parseFromString(html, "text/html");
    own("show-now").dataset.pollS = own("show-now", part).dataset.pollS;
    for (const id of ["viewers-now", "show-state", "show-about", "show-cards"]) put(id, part);
    putCharts(part);
  }

  function say(words, link = "") {
    trouble.textContent = words;
    trouble.hidden = !words;
    if (!link) return;
    const there = document.createElement("a");
    there.href = location.href;
    there.textContent = link;
    trouble.append(" ", there);
  }

  async function poll() {
    timer = 0;
    if (busy || over || document.hidden) return;
    busy = true;
    const address = new URL(show.dataset.now, location.href);
    address.searchParams.set("have", own("show-charts").dataset.version);
    let waitMs = 0;
    try {
      const answer = await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) {
        over = true;
        say("This page is no longer up to date: the session has ended, or the show is gone.", "Load it again");
        return;
      }
      waitMs = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
      if (!answer.ok) throw new Error(String(answer.status));
      take(await answer.text());
      failures = 0;
      say("");
    } catch {
      failures += 1;
      say("The server does not answer. The numbers are those of the time that they say; they are asked for again.");
    } finally {
      busy = false;
      if (!over) wait(waitMs);
    }
  }

  function wait(leastMs) {
    clearTimeout(timer);
    const ms = Math.min(MOST_MS, pollMs() * 2 ** failures);
    // Pages that were opened together don't ask together for ever.
    timer = setTimeout(poll, Math.max(leastMs, ms * (0.9 + 0.2 * Math.random())));
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) poll();
  });
  addEventListener("online", () => { clearTimeout(timer); poll(); });
  wait(0);
})();
