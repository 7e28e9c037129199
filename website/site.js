// Theme, contents on narrow windows, search. The pages read well without any of it.
(function () {
  "use strict";
  const root = document.currentScript.dataset.root;
  const page = document.documentElement;

  // ---- theme ----
  document.getElementById("theme").addEventListener("click", () => {
    page.dataset.theme = page.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", page.dataset.theme); } catch (error) { /* for now only */ }
  });

  // ---- contents ----
  const menu = document.getElementById("menu");
  const sidebar = document.getElementById("sidebar");
  function showContents(shown) {
    sidebar.classList.toggle("shown", shown);
    menu.setAttribute("aria-expanded", String(shown));
  }
  menu.addEventListener("click", () => showContents(!sidebar.classList.contains("shown")));
  sidebar.addEventListener("click", (event) => {
    if (event.target.closest("a")) showContents(false);
  });
  const here = sidebar.querySelector(".open");
  if (here) sidebar.scrollTop = Math.max(0, here.offsetTop - 120);

  // ---- what is wider than the page can be scrolled with the arrow keys ----
  for (const box of document.querySelectorAll("pre, .scroll, .formula")) {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", "Scrolls sideways");
    }
  }

  // ---- search ----
  const MOST = 12;
  const input = document.getElementById("search");
  const found = document.getElementById("found");
  const counted = document.getElementById("counted");
  let asked = false;
  let chosen = -1;

  // The words are in a script of their own, read when they are first wanted.
  function readWords() {
    if (asked) return;
    asked = true;
    const script = document.createElement("script");
    script.src = root + "assets/search.js";
    script.onload = look;
    document.head.append(script);
  }

  function score(entry, words) {
    const [, title, section, text, kind] = entry;
    let sum = 0;
    for (const word of words) {
      const inSection = section.toLowerCase().includes(word);
      const inTitle = title.toLowerCase().includes(word);
      const at = text.toLowerCase().indexOf(word);
      if (!inSection && !inTitle && at < 0) return 0;
      sum += 12 * inSection + 6 * inTitle + (at < 0 ? 0 : 3 + 2 * (at < 200));
    }
    const [folder] = entry[0].split("/");
    if (kind === "file" || folder === "solutions") sum /= 3;
    if (folder === "exercises") sum /= 2;
    return sum;
  }

  function marked(text, words) {
    const line = document.createElement("span");
    const lower = text.toLowerCase();
    const places = words.map((word) => lower.indexOf(word)).filter((place) => place >= 0);
    const start = Math.max(0, (places.length ? Math.min(...places) : 0) - 40);
    const piece = text.slice(start, start + 150);
    let rest = (start ? "…" : "") + piece + (start + 150 < text.length ? "…" : "");
    while (rest) {
      let first = -1;
      let length = 0;
      for (const word of words) {
        const at = rest.toLowerCase().indexOf(word);
        if (at >= 0 && (first < 0 || at < first)) [first, length] = [at, word.length];
      }
      if (first < 0) { line.append(rest); break; }
      const mark = document.createElement("mark");
      mark.textContent = rest.slice(first, first + length);
      line.append(rest.slice(0, first), mark);
      rest = rest.slice(first + length);
    }
    return line;
  }

  function look() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    chosen = -1;
    input.removeAttribute("aria-activedescendant");
    if (!words.length || !window.searchIndex) { close(); return; }
    const hits = window.searchIndex
      .map((entry) => [score(entry, words), entry])
      .filter(([value]) => value > 0)
      .sort((a, b) => b[0] - a[0]);
    found.replaceChildren();
    hits.slice(0, MOST).forEach(([, [address, title, section, text]], index) => {
      const link = document.createElement("a");
      link.href = root + address;
      link.id = "hit-" + index;
      link.setAttribute("role", "option");
      link.tabIndex = -1;
      const name = document.createElement("b");
      name.textContent = title === section ? title : title + " › " + section;
      link.append(name, marked(text, words));
      found.append(link);
    });
    const said = hits.length ? hits.length + " places found" : "Nothing found.";
    counted.textContent = said;
    if (!hits.length) {
      const line = document.createElement("p");
      line.textContent = said;
      found.append(line);
    }
    found.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }

  function close() {
    found.hidden = true;
    counted.textContent = "";
    input.setAttribute("aria-expanded", "false");
  }

  function choose(step) {
    const hits = found.querySelectorAll("a");
    if (!hits.length) return;
    if (chosen >= 0) hits[chosen].setAttribute("aria-selected", "false");
    chosen = (chosen + step + hits.length + (chosen < 0 && step < 0)) % hits.length;
    hits[chosen].setAttribute("aria-selected", "true");
    hits[chosen].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", hits[chosen].id);
  }

  input.addEventListener("focus", readWords);
  input.addEventListener("input", look);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      choose(event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
    } else if (event.key === "Enter") {
      const hits = found.querySelectorAll("a");
      if (hits.length) hits[Math.max(0, chosen)].click();
    } else if (event.key === "Escape") {
      input.value = "";
      close();
    }
  });
  found.addEventListener("click", close);
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".search")) close();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      input.focus();
      event.preventDefault();
    }
    if (event.key === "Escape") showContents(false);
  });
})();
