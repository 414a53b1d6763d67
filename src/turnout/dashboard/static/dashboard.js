// What makes the pages handier. Without it everything works the same: charts have tables beside them, forms a button.
"use strict";

// ---- what a chart's marks say: at the pointer, or with the arrow keys while the chart has the focus ----

const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
tip.setAttribute("role", "status");
document.body.append(tip);

// Axes and legends have words of their own, for those who don't see them.
const MARKS = "[aria-label][role='graphics-symbol']:not([class*='role-'])";
const AWAY_PX = 14;
let pointed = null;

function show(mark, x, y) {
  const text = mark.getAttribute("aria-label");
  if (pointed !== mark) {
    pointed?.classList.remove("pointed");
    mark.classList.add("pointed");
    pointed = mark;
    tip.textContent = text;
  }
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, x - width / 2), document.documentElement.clientWidth - width - 8);
  const top = y - height - AWAY_PX < 4 ? y + AWAY_PX : y - height - AWAY_PX;
  tip.style.transform = `translate(${Math.max(4, left)}px, ${top}px)`;
}

function showAbove(mark) {
  const box = mark.getBoundingClientRect();
  show(mark, box.x + box.width / 2, box.y);
}

function hide() {
  pointed?.classList.remove("pointed");
  pointed = null;
  tip.hidden = true;
}

function markAt(target) {
  return target instanceof Element && target.closest("figure.chart") ? target.closest(MARKS) : null;
}

document.addEventListener("pointermove", (event) => {
  const mark = markAt(event.target);
  if (mark) show(mark, event.clientX, event.clientY);
  else if (pointed && document.activeElement !== pointed.closest("figure")) hide();
}, { passive: true });
document.addEventListener("pointerdown", (event) => {
  const mark = markAt(event.target);
  if (mark) show(mark, event.clientX, event.clientY);
});
document.addEventListener("scroll", () => {
  if (pointed && document.activeElement === pointed.closest("figure")) showAbove(pointed);
  else hide();
}, { passive: true, capture: true });

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
  const chart = event.target instanceof Element && event.target.matches("figure.chart") ? event.target : null;
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: 0, End: 0 };
  if (!chart || !(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
  const marks = [...chart.querySelectorAll(MARKS)];
  if (!marks.length) return;
  event.preventDefault();
  const last = marks.length - 1;
  const from = marks.indexOf(pointed);
  let wanted = from < 0 && steps[event.key] < 0 ? last : from + steps[event.key];
  if (event.key === "Home") wanted = 0;
  if (event.key === "End") wanted = last;
  const mark = marks[Math.min(Math.max(0, wanted), last)];
  // A chart that is wider than the screen follows.
  mark.scrollIntoView({ block: "nearest", inline: "nearest" });
  showAbove(mark);
});
document.addEventListener("focusout", (event) => {
  if (event.target instanceof Element && event.target.matches("figure.chart")) hide();
});

// ---- lines to copy ----

for (const code of document.querySelectorAll("pre.code")) {
  const box = document.createElement("div");
  const button = document.createElement("button");
  box.className = "copied";
  // A long line is scrolled, with the arrow keys too.
  code.tabIndex = 0;
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Copy";
  code.replaceWith(box);
  box.append(code, button);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent.trim());
      button.textContent = "Copied";
    } catch {
      // Away from https browsers may refuse: then it is at least selected.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// ---- forms that are sent as soon as something is chosen (data-auto), without the fields that say nothing ----

for (const form of document.querySelectorAll("form[method='get'], form:not([method])")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (value === "" && event.formData.getAll(name).length === 1) event.formData.delete(name);
    }
  });
  if (!form.hasAttribute("data-auto")) continue;
  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) form.requestSubmit();
  });
}

// ---- boxes of which only so many can be ticked (data-most), and a button that waits for at least data-least ----

for (const form of document.querySelectorAll("form[data-most]")) {
  const boxes = () => [...form.elements].filter((one) => one.type === "checkbox");
  const buttons = form.querySelectorAll("button[data-least]");
  const update = () => {
    const ticked = boxes().filter((one) => one.checked).length;
    for (const one of boxes()) one.disabled = !one.checked && ticked >= Number(form.dataset.most);
    for (const one of buttons) one.disabled = ticked < Number(one.dataset.least);
  };
  form.addEventListener("change", update);
  // Going back, a browser ticks again what was ticked.
  addEventListener("pageshow", update);
}
