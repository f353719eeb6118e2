// Keeps the country page up to date: takes rows as the server wrote them, lets ages grow, and stays out of the way of
// whoever is reading: rows change place only while nobody has the focus or the pointer in the table.
"use strict";
(() => {
  const table = document.getElementById("country");
  const state = document.getElementById("state");
  if (!table) return;
  const body = table.tBodies[0];
  const clock = Date.now() / 1000 - Number(table.dataset.at); // ours against the server's
  let since = table.dataset.at;

  const say = (name, good) => {
    if (state.dataset.said === name) return;
    state.dataset.said = name;
    state.textContent = state.dataset[name];
    state.className = good ? "good" : "bad";
  };

  const span = (seconds) => {
    const units = [[60, 1, "seconds"], [3600, 60, "minutes"], [86400, 3600, "hours"], [Infinity, 86400, "days"]];
    const [, size, unit] = units.find(([limit]) => seconds < limit);
    return `${Math.max(0, Math.floor(seconds / size))}\u00a0${table.dataset[unit]}`;
  };
  const age = (time) => { time.textContent = span(Date.now() / 1000 - clock - Number(time.dataset.at)); };
  const grow = () => body.querySelectorAll("time").forEach(age);

  const place = () => {
    if (body.contains(document.activeElement) || body.matches(":hover")) return;
    const worst = (row) => (row.dataset.worst === undefined ? Infinity : Number(row.dataset.worst));
    const rows = [...body.rows];
    const wanted = [...rows].sort((a, b) => worst(a) - worst(b) || (a.id < b.id ? -1 : 1));
    if (wanted.some((row, i) => row !== rows[i])) body.append(...wanted);
  };

  const take = (news) => {
    since = news.at;
    const made = document.createElement("tbody");
    for (const [code, text] of Object.entries(news.rows)) {
      made.innerHTML = text;
      const fresh = made.rows[0];
      const row = document.getElementById(`i-${code}`);
      if (!row) { body.append(fresh); continue; }
      // Cell by cell, so that a link that has the focus keeps it.
      [...fresh.cells].forEach((cell, i) => {
        if (row.cells[i].outerHTML !== cell.outerHTML && !row.cells[i].contains(document.activeElement)) row.cells[i].replaceWith(cell.cloneNode(true));
      });
      if (fresh.dataset.worst === undefined) delete row.dataset.worst; else row.dataset.worst = fresh.dataset.worst;
      row.classList.add("new");
      setTimeout(() => row.classList.remove("new"), 1500);
    }
    for (const [code, at] of Object.entries(news.beats)) {
      const time = document.querySelector(`#i-${code} time`);
      if (time) time.dataset.at = at;
    }
    grow();
    place();
    say(news.stale ? "stale" : "live", !news.stale);
  };

  const ask = async () => {
    try {
      const answer = await fetch(`/live/news?since=${since}`);
      if (answer.status === 401) { say("over", false); return; }
      if (answer.status === 200) take(await answer.json());
      say("asking", true);
    } catch { say("broken", false); }
    setTimeout(ask, 20000 + Math.random() * 20000);
  };

  const listen = () => {
    const source = new EventSource(`/live?since=${since}`);
    source.addEventListener("open", () => say("live", true));
    source.addEventListener("news", (event) => take(JSON.parse(event.data)));
    source.addEventListener("over", () => { source.close(); say("over", false); });
    source.addEventListener("error", () => {
      // The browser tries again by itself unless the answer was a refusal.
      if (source.readyState === EventSource.CLOSED) ask(); else say("broken", false);
    });
  };

  grow();
  setInterval(grow, 1000);
  listen();
})();
