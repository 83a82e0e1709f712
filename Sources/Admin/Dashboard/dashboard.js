"use strict";
// Every page works without this script. The script keeps pages up to date and submits forms without leaving the page.
(() => {
  const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

  // The two largest units, as the server writes durations.
  function span(seconds) {
    const first = units.findIndex(([, length]) => seconds >= length);
    if (first < 0) return "0s";
    let rest = seconds;
    return units.slice(first, first + 2).map(([name, length]) => {
      const count = Math.floor(rest / length);
      rest -= count * length;
      return count > 0 ? count + name : "";
    }).join("");
  }

  // The difference between the server's clock and the browser's.
  let skew = 0;
  function readClock() {
    const time = document.querySelector("time[data-now]");
    if (time) skew = Date.parse(time.dateTime) - Date.now();
  }

  function tick() {
    const now = Date.now() + skew;
    for (const time of document.querySelectorAll("time[datetime]:not([data-now])")) {
      const distance = Math.round((Date.parse(time.dateTime) - now) / 1000);
      if (Number.isNaN(distance)) continue;
      const words = span(Math.abs(distance));
      const text = distance === 0 ? "now" : distance > 0 ? "in " + words : words + " ago";
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // Replaces the content of a part; keeps the focus and the open details.
  function replace(part, html) {
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...part.querySelectorAll("details")].map((details) => details.open);
    const same = part.querySelectorAll("tbody tr").length;
    part.innerHTML = html;
    if (part.querySelectorAll("tbody tr").length === same) {
      part.querySelectorAll("details").forEach((details, place) => { details.open = open[place] === true; });
    }
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  // Changes single rows of the table or list of a part: each new row comes with the key of the row before it.
  function change(part, { frame, remove, put }) {
    const place = "tbody, [data-rows]";
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    let body = part.querySelector(place);
    if (!body) return;
    if (frame !== undefined) {
      const kept = [...body.children];
      part.innerHTML = frame;
      body = part.querySelector(place);
      body.append(...kept);
    }
    const rows = new Map([...body.children].map((row) => [row.dataset.row, row]));
    for (const key of remove) rows.get(key)?.remove();
    for (const [key, html, before] of put) {
      const template = document.createElement("template");
      template.innerHTML = html;
      const row = template.content.firstElementChild;
      const old = rows.get(key);
      const open = old ? [...old.querySelectorAll("details")].map((details) => details.open) : [];
      row.querySelectorAll("details").forEach((details, place) => { details.open = open[place] === true; });
      old?.remove();
      const previous = before ? rows.get(before) : null;
      if (previous?.isConnected) previous.after(row); else body.prepend(row);
      rows.set(key, row);
    }
    if (focused && document.activeElement?.id !== focused) {
      document.getElementById(focused)?.focus({ preventScroll: true });
    }
  }

  // Which parts the page shows, as the server said last: what it shows already isn't sent again.
  let seen = "";
  function listen() {
    const address = document.body.dataset.stream?.replace(/seen=[^&]*/, (part) => seen ? "seen=" + seen : part);
    if (!address || !("EventSource" in window)) return;
    const source = new EventSource(address);
    const connection = document.getElementById("connection");
    source.addEventListener("parts", (event) => {
      const parts = JSON.parse(event.data);
      for (const [id, html] of Object.entries(parts)) {
        const part = document.getElementById(id);
        if (part && (html || part.innerHTML)) replace(part, html);
      }
      seen = event.lastEventId || seen;
      tick();
    });
    source.addEventListener("rows", (event) => {
      for (const [id, changes] of Object.entries(JSON.parse(event.data))) {
        const part = document.getElementById(id);
        if (part) change(part, changes);
      }
      seen = event.lastEventId || seen;
      tick();
    });
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) {
        connection.textContent = "Reconnecting…";
        return;
      }
      // The request was refused, for example while Redis is unreachable. The browser would give up; this script retries.
      connection.textContent = "This page is out of date; retrying. If you were signed out, reload it.";
      setTimeout(listen, 5000);
    };
    source.onopen = () => { connection.textContent = ""; };
  }

  function say(text, look) {
    const paragraph = document.createElement("p");
    paragraph.className = "notice " + look;
    paragraph.textContent = text;
    document.getElementById("notice").replaceChildren(paragraph);
  }

  // A run may take minutes: the page stays and shows its progress.
  async function send(form) {
    const button = form.querySelector("button");
    button.disabled = true;
    say(button.textContent + " …", "working");
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual", credentials: "same-origin",
      });
      if (answer.type === "opaqueredirect") return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      say(page.querySelector("[data-message]")?.textContent || "The request was refused.", "critical");
    } catch {
      say("The instance can't be reached. A started run continues.", "critical");
    }
    button.disabled = false;
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.question && !window.confirm(form.dataset.question)) return event.preventDefault();
    // Signing in or out leads to other pages.
    if (!form.closest("#main") || form.method === "get" || form.querySelector("[type=password]")) return;
    event.preventDefault();
    send(form);
  });

  readClock();
  tick();
  setInterval(tick, 1000);
  listen();
})();
