// Counts down how long the places on screen are held, and says so when that is over.
const ends = new WeakMap();

function show(line) {
  // By the browser's own clock only as a stopwatch: it may be set wrong.
  if (!ends.has(line)) ends.set(line, Date.now() + Number(line.dataset.heldSeconds) * 1000);
  const left = Math.max(0, Math.ceil((ends.get(line) - Date.now()) / 1000));
  const seconds = String(left % 60).padStart(2, "0");
  line.querySelector("[data-held-left]").textContent = ` (${Math.floor(left / 60)}:${seconds})`;
  if (left > 0) return;
  line.querySelector("[data-held-on]").hidden = true;
  line.querySelector("[data-held-over]").textContent = line.querySelector("[data-held-words]").content.textContent;
  line.removeAttribute("data-held-seconds");
}

function tick() {
  for (const line of document.querySelectorAll("[data-held-seconds]")) show(line);
}

tick();
setInterval(tick, 1000);
