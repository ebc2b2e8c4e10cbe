// The chat page: draws what the server sends and sends what the person does.
//
// Text from the server becomes text nodes, never markup; the page's policy (trusted types) would
// stop anything else. What the person types stays in the input until the bot has stored it.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);

  /** The server's beat comes every 15 s; silence for longer than this is a dead connection. */
  const SILENCE_MS = 40_000;
  const REQUEST_MS = 15_000;
  const SECOND_TRY_MS = 60_000;
  const KEPT = 500;

  const TONES = {
    good: ["✓", "OK"],
    neutral: null,
    warning: ["!", "Warning"],
    bad: ["✕", "Problem"],
  };
  const EMOJI_NAMES = { "✅": "approve", "⛔": "stop", "📌": "pin", "👀": "looking" };

  /** What the page knows. */
  const known = { bot: "acgs", mode: null, me: null, people: [], rooms: [], emojis: [] };
  /** Room id -> { list, items: message id -> { node, message } }. */
  const logs = new Map();
  let room = null;

  // Texts ---------------------------------------------------------------------------------------

  /** Characters that reorder or hide text are shown as a sign: what is read is what is there. */
  const clean = (text) =>
    String(text).replace(/\r\n?/g, "\n").replace(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
      "\ufffd",
    );

  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value != null) node.setAttribute(name, value);
    }
    for (const child of children.flat()) {
      if (child == null) continue;
      node.append(child instanceof Node ? child : document.createTextNode(clean(child)));
    }
    return node;
  }

  function timeOf(iso) {
    const at = new Date(iso);
    const isToday = at.toDateString() === new Date().toDateString();
    const clock = { hour: "2-digit", minute: "2-digit" };
    const text = at.toLocaleString(undefined, isToday ? clock : { day: "numeric", month: "short", ...clock });
    return el("time", { datetime: iso, title: at.toLocaleString() }, text);
  }

  function sizeOf(bytes) {
    return bytes < 1024 ? `${bytes} B` : `${Math.round(bytes / 1024)} KB`;
  }

  // Calls ---------------------------------------------------------------------------------------

  /** A refusal in the server's words, or (status 0) no answer at all. */
  class Refused extends Error {
    constructor(status, text) {
      super(text);
      this.status = status;
    }
  }

  function address(path, query) {
    const all = new URLSearchParams(query);
    if (known.mode === "demo" && known.me) all.set("as", known.me);
    const text = all.toString();
    return text ? `${path}?${text}` : path;
  }

  async function call(path, { query, body, signal } = {}) {
    const options = { cache: "no-store", signal: signal ?? AbortSignal.timeout(REQUEST_MS) };
    if (body !== undefined) {
      options.method = "POST";
      options.headers = { "Content-Type": "application/json" };
      options.body = JSON.stringify(body);
    }
    let answer;
    try {
      answer = await fetch(address(path, query), options);
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new Refused(0, "The bot did not answer. Try again: it is never done twice.");
    }
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refused(answer.status, content.error ?? `The bot refused this (${answer.status}).`);
    return content;
  }

  function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /**
   * Ids of acts whose outcome was not heard. A second try of the same act is the same delivery, so the
   * bot does it once; the same act a while later is meant as a new one.
   */
  const unheard = new Map();

  async function act(path, body) {
    const key = JSON.stringify([path, known.me, body]);
    const earlier = unheard.get(key);
    const id = earlier && Date.now() - earlier.at < SECOND_TRY_MS ? earlier.id : newId();
    unheard.set(key, { id, at: Date.now() });
    try {
      const outcome = await call(path, { body: { id, ...body } });
      unheard.delete(key);
      return outcome;
    } catch (error) {
      if (error.status >= 400 && error.status < 500) unheard.delete(key);
      if (error.status === 401) showLogin();
      throw error;
    }
  }

  // Cards ---------------------------------------------------------------------------------------

  function tableOf({ columns, rows }, caption) {
    // The roles stay when the phone's style makes blocks of the rows.
    const head = columns.map((column) => el("th", { scope: "col", role: "columnheader", class: column.align }, column.heading));
    const body = rows.map((row) =>
      el("tr", { role: "row" }, row.map((cell, index) =>
        el("td", { role: "cell", class: columns[index]?.align, "data-heading": clean(columns[index]?.heading ?? "") }, cell),
      )),
    );
    const table = el("table", { role: "table", class: columns.length > 3 ? "wide" : null, "aria-label": clean(caption) },
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head)),
      el("tbody", { role: "rowgroup" }, body),
    );
    return el("div", { class: "table-box" }, table);
  }

  function commandOf(line) {
    return el("button", { type: "button", class: "command", title: "Put this line into the input", on: { click: () => fillLine(line) } }, line);
  }

  function sectionOf(section, title) {
    const [[kind, value]] = Object.entries(section);
    switch (kind) {
      case "text":
        return el("p", null, value);
      case "facts":
        return el("dl", { class: "facts" }, value.map(([label, fact]) => [el("dt", null, label), el("dd", null, fact)]).flat());
      case "table":
        return tableOf(value, title);
      case "code":
        return el("pre", null, el("code", null, value));
      case "next":
        return el("div", { class: "next" }, el("span", { class: "next-label" }, "Next"), value.map(commandOf));
      default:
        return el("p", null, "This part needs a newer page: reload.");
    }
  }

  function buttonOf(message, button) {
    const form = message.forms[button.value];
    const press = async (event) => {
      const pressed = event.currentTarget;
      if (pressed.getAttribute("aria-disabled") === "true") return;
      pressed.setAttribute("aria-disabled", "true");
      try {
        await act("/api/click", { room: message.room, message: message.id, value: button.value });
        showTrouble(null);
      } catch (error) {
        showTrouble(error.message);
      } finally {
        pressed.removeAttribute("aria-disabled");
      }
    };
    const click = form ? () => openForm(message, button.value, form) : press;
    return el("button", {
      type: "button", class: `button style-${button.style}`, "data-key": `button ${button.value}`, on: { click },
      "aria-haspopup": form && "dialog",
    }, button.label);
  }

  // Forms ---------------------------------------------------------------------------------------

  /** What the open form is of, and so where its answers go; `null` while none is open. */
  let filling = null;

  function fieldOf(field, index) {
    const common = { id: `field-${index}`, name: field.name, required: field.required };
    if (field.choices.length > 0) {
      const choices = field.choices.map((choice) => el("option", { value: choice, selected: choice === field.value }, choice));
      return el("p", { class: "form-field" }, el("label", { for: common.id }, field.label), el("select", common, choices));
    }
    const input = field.long
      ? el("textarea", { ...common, maxlength: field.max, rows: 3 }, field.value)
      : el("input", { ...common, type: "text", maxlength: field.max, value: field.value });
    return el("p", { class: "form-field" }, el("label", { for: common.id }, field.label), input);
  }

  function openForm(message, value, form) {
    filling = { room: message.room, message: message.id, value };
    $("form-title").textContent = clean(form.title);
    $("form-fields").replaceChildren(...form.fields.map(fieldOf));
    showFormTrouble(null);
    // The browser keeps the focus inside, and gives it back to the button.
    $("form").showModal();
    $("form-fields").querySelector("input, textarea, select").focus();
  }

  function showFormTrouble(text) {
    $("form-trouble").hidden = !text;
    $("form-trouble").textContent = clean(text ?? "");
  }

  $("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if ($("form-send").getAttribute("aria-disabled") === "true" || !filling) return;
    $("form-send").setAttribute("aria-disabled", "true");
    try {
      await act("/api/form", { ...filling, answers: Object.fromEntries(new FormData(event.target)) });
      $("form").close();
    } catch (error) {
      showFormTrouble(error.message);
    } finally {
      $("form-send").removeAttribute("aria-disabled");
    }
  });
  // What is typed on purpose is sent by Enter with Ctrl or Cmd; Enter alone is a new line there.
  $("form").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    $("form").querySelector("form").requestSubmit();
  });
  $("form-cancel").addEventListener("click", () => $("form").close());
  $("form").addEventListener("close", () => {
    filling = null;
  });

  function fileOf(message) {
    const { name, size } = message.file;
    const href = address("/api/file", { room: message.room, message: message.id });
    return el("a", { class: "file", href, download: clean(name), "data-key": "file" }, `↓ ${name} (${sizeOf(size)})`);
  }

  function pictureOf(message) {
    const { name, alt } = message.picture;
    const href = address("/api/picture", { room: message.room, message: message.id, as_of: message.edited_at ?? message.at });
    return el("a", { class: "picture", href, target: "_blank", rel: "noopener", "data-key": "picture", title: clean(name) },
      el("img", { src: href, alt: clean(alt), width: 900, height: 480, loading: "lazy" }));
  }

  function cardOf(message) {
    const { card } = message;
    const tone = TONES[card.tone];
    const badge = tone && el("span", { class: "badge" }, el("span", { "aria-hidden": "true" }, `${tone[0]} `), tone[1]);
    return el("article", { class: `card tone-${card.tone}` },
      el("div", { class: "card-head" }, el("h3", null, card.title), badge),
      message.mentions.length > 0 ? el("p", { class: "mentions" }, message.mentions.map((name) => `@${name}`).join(" ")) : null,
      card.sections.map((section) => sectionOf(section, card.title)),
      message.picture && pictureOf(message),
      message.file && fileOf(message),
      card.buttons.length > 0 ? el("div", { class: "buttons" }, card.buttons.map((button) => buttonOf(message, button))) : null,
      card.footer && el("p", { class: "footer" }, card.footer),
    );
  }

  // Reactions -----------------------------------------------------------------------------------

  async function react(message, emoji, change) {
    try {
      await act("/api/reaction", { room: message.room, message: message.id, emoji, change });
      showTrouble(null);
    } catch (error) {
      showTrouble(error.message);
    }
  }

  function toggle(message, emoji) {
    const latest = logs.get(message.room)?.items.get(message.id)?.message ?? message;
    const isMine = latest.reactions.some((reaction) => reaction.emoji === emoji && reaction.mine);
    return react(message, emoji, isMine ? "removed" : "added");
  }

  function chipOf(message, { emoji, by, mine }) {
    const names = by.map(clean).join(", ");
    const label = `${EMOJI_NAMES[emoji] ?? emoji}, ${by.length}: ${names}`;
    return el("button", {
      type: "button", class: "chip", title: names, "aria-label": label, "aria-pressed": String(mine), "data-key": `chip ${emoji}`, "data-emoji": emoji,
      on: { click: () => toggle(message, emoji) },
    }, `${emoji} ${by.length}`);
  }

  function pickerOf(message) {
    const choices = known.emojis.map((emoji) =>
      el("button", { type: "button", "data-emoji": emoji, "aria-label": EMOJI_NAMES[emoji] ?? emoji, on: { click: () => {
        close();
        toggle(message, emoji);
      } } }, emoji),
    );
    const picker = el("span", { class: "picker", role: "group", "aria-label": "Reactions", hidden: true }, choices);
    const opener = el("button", { type: "button", class: "react", "aria-expanded": "false", "data-key": "react", on: { click: () => {
      if (picker.hidden) open();
      else close();
    } } }, "+ reaction");
    const open = () => {
      picker.hidden = false;
      opener.setAttribute("aria-expanded", "true");
      choices[0]?.focus();
    };
    const close = () => {
      picker.hidden = true;
      opener.setAttribute("aria-expanded", "false");
      opener.focus();
    };
    picker.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
    });
    return [opener, picker];
  }

  // Messages ------------------------------------------------------------------------------------

  function hueOf(name) {
    let sum = 0;
    for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 8191;
    return sum % 8;
  }

  function avatarOf(message) {
    if (message.by) {
      const letter = Array.from(message.by.name.trim())[0] ?? "?";
      return el("span", { class: `avatar hue-${hueOf(message.by.key)}`, "aria-hidden": "true" }, letter.toUpperCase());
    }
    return el("span", { class: "avatar", "aria-hidden": "true" }, document.querySelector("h1 .mark").cloneNode(true));
  }

  function bylineOf(message) {
    return [
      el("span", { class: "name" }, message.by ? message.by.name : clean(known.bot)),
      timeOf(message.at),
      message.edited_at && el("span", { class: "note", title: new Date(message.edited_at).toLocaleString() }, "edited"),
      message.private && el("span", { class: "note" }, "only you see this"),
    ];
  }

  function newItem(message) {
    const by = el("p", { class: "by" });
    const body = el("div", { class: "body" });
    const chips = el("span", { class: "chips" });
    const reactions = el("div", { class: "reactions" }, chips, pickerOf(message));
    const node = el("li", { class: "message", "data-id": message.id, "data-from": message.by ? "person" : "bot" },
      avatarOf(message), el("div", { class: "content" }, by, body, reactions));
    return { node, by, body, chips, message: null };
  }

  /** Draws what changed and leaves the rest, and so the reader's focus and selection, alone. */
  function draw(item, message) {
    const before = item.message;
    const differs = (part) => !before || JSON.stringify(part(before)) !== JSON.stringify(part(message));
    item.message = message;
    item.node.dataset.version = String(Number(item.node.dataset.version ?? 0) + 1);
    const focused = item.node.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    if (differs((m) => [m.edited_at, m.private])) item.by.replaceChildren(...bylineOf(message).filter(Boolean));
    if (differs((m) => [m.line, m.card, m.file, m.picture, m.picture && m.edited_at])) {
      item.body.replaceChildren(message.card ? cardOf(message) : el("p", { class: "said" }, message.line ?? ""));
    }
    if (differs((m) => m.reactions)) {
      item.chips.replaceChildren(...message.reactions.map((reaction) => chipOf(message, reaction)));
    }
    if (focused && !item.node.contains(document.activeElement)) {
      const same = [...item.node.querySelectorAll("[data-key]")].find((node) => node.dataset.key === focused);
      (same ?? item.node.querySelector(".react")).focus();
    }
    // What scrolls must be within the keyboard's reach.
    for (const box of item.body.querySelectorAll("pre, .table-box")) {
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
    }
  }

  /** Ids have one length for the next two hundred years, and then a longer one is the greater. */
  const isBefore = (a, b) => a.length < b.length || (a.length === b.length && a < b);

  function place(log, node, id) {
    let next = null;
    for (let other = log.list.lastElementChild; other && isBefore(id, other.dataset.id); other = other.previousElementSibling) next = other;
    log.list.insertBefore(node, next);
  }

  function show(message) {
    const log = logs.get(message.room);
    if (!log) return;
    const follows = isAtEnd() || message.by?.key === known.me;
    let item = log.items.get(message.id);
    const isNew = !item;
    if (isNew) {
      item = newItem(message);
      log.items.set(message.id, item);
      place(log, item.node, message.id);
    }
    draw(item, message);
    if (log.list.childElementCount > KEPT) {
      log.items.delete(log.list.firstElementChild.dataset.id);
      log.list.firstElementChild.remove();
    }
    showEmpty();
    if (message.room !== room) return;
    if (follows) toEnd();
    else if (isNew) $("newer").hidden = false;
    if (isNew && document.hidden && isLive()) count(1);
  }

  const isAtEnd = () => $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight < 60;

  function toEnd() {
    $("scroll").scrollTop = $("scroll").scrollHeight;
    $("newer").hidden = true;
  }

  let unread = 0;
  function count(more) {
    unread = more === 0 ? 0 : unread + more;
    document.title = unread > 0 ? `(${unread}) ${known.bot}` : known.bot;
  }

  function showEmpty() {
    $("empty").hidden = (logs.get(room)?.items.size ?? 0) > 0;
  }

  // Rooms and people ----------------------------------------------------------------------------

  function fillSelect(select, options, chosen) {
    select.replaceChildren(...options.map(([value, label]) => el("option", { value, selected: value === chosen }, label)));
    select.value = chosen;
  }

  function makeLogs() {
    for (const id of known.rooms) {
      if (logs.has(id)) continue;
      const list = el("ol", { role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": `Messages in ${id}`, "aria-busy": "true", "data-room": id });
      logs.set(id, { list, items: new Map() });
      $("logs").append(list);
    }
    if (!known.rooms.includes(room)) room = known.rooms[0] ?? null;
    showRoom(room);
  }

  function showRoom(id) {
    room = id;
    for (const [other, log] of logs) log.list.hidden = other !== id;
    showEmpty();
    toEnd();
  }

  function clearLogs() {
    for (const log of logs.values()) {
      log.items.clear();
      log.list.replaceChildren();
    }
    showEmpty();
  }

  function setBusy(isBusy) {
    for (const log of logs.values()) log.list.setAttribute("aria-busy", String(isBusy));
  }

  /** The demo's pick: as the address says (?as=), else as this tab had it, else the first. */
  function pick(people) {
    const wanted = [new URLSearchParams(location.search).get("as"), remembered()];
    return wanted.find((key) => people.some((person) => person.key === key)) ?? people[0]?.key ?? null;
  }

  // The browser may forbid storage; then a reload forgets the pick and nothing else.
  function remembered() {
    try { return sessionStorage.getItem("as"); } catch { return null; }
  }
  function remember(key) {
    try { sessionStorage.setItem("as", key); } catch { /* see above */ }
  }

  function setUp(answer) {
    const me = answer.mode === "demo" ? answer.me ?? pick(answer.people) : answer.me;
    Object.assign(known, answer, { me });
    $("bot").textContent = clean(known.bot);
    count(0);
    $("banner").hidden = !answer.banner;
    $("banner").textContent = clean(answer.banner ?? "");
    fillSelect($("person"), answer.people.map(({ key, name, roles }) => [key, roles ? `${name} (${roles})` : name]), me);
    $("person-field").hidden = answer.mode !== "demo";
    $("me").hidden = answer.mode !== "login";
    $("me-name").textContent = clean(answer.people.find(({ key }) => key === me)?.name ?? "");
    fillSelect($("room"), answer.rooms.map((id) => [id, `#${id}`]), room ?? answer.rooms[0]);
    $("room-field").hidden = answer.rooms.length < 2;
    const wasHidden = $("chat").hidden;
    $("login").hidden = true;
    $("chat").hidden = false;
    makeLogs();
    if (wasHidden) $("line").focus();
    fillStarters();
  }

  async function fillStarters() {
    const found = await call("/api/complete", { query: { line: "" } }).catch(() => []);
    $("starters").replaceChildren(...found.slice(0, 8).map(({ insert }) => el("li", null, commandOf(insert))));
  }

  // Connection ----------------------------------------------------------------------------------

  let source = null;
  let lastEvent = "";
  let lastHeard = 0;
  let tries = 0;
  let timer = null;

  const isLive = () => $("connection").dataset.state === "live";

  function setConnection(state) {
    if ($("connection").dataset.state === state) return;
    $("connection").dataset.state = state;
    $("connection-text").textContent = { connecting: "connecting…", live: "connected", reconnecting: "reconnecting…", off: "" }[state];
  }

  function disconnect() {
    source?.close();
    source = null;
    clearTimeout(timer);
  }

  /** Soon at first, then up to ten seconds apart, and never all pages at the same moment. */
  function reconnect() {
    disconnect();
    setConnection("reconnecting");
    const delay = Math.min(10_000, 250 * 2 ** tries) * (0.75 + Math.random() / 2);
    tries += 1;
    timer = setTimeout(start, delay);
  }

  async function start() {
    disconnect();
    try {
      setUp(await call("/api/people"));
    } catch (error) {
      if (error.status === 401 || error.status === 403) showLogin();
      else reconnect();
      return;
    }
    connect();
  }

  function heard(event) {
    lastHeard = Date.now();
    if (event.lastEventId) lastEvent = event.lastEventId;
  }

  function connect() {
    disconnect();
    const stream = new EventSource(address("/api/events", { after: lastEvent }));
    source = stream;
    lastHeard = Date.now();
    const on = (name, take) =>
      stream.addEventListener(name, (event) => {
        if (stream !== source) return;
        heard(event);
        take(JSON.parse(event.data));
      });
    on("hello", ({ how }) => {
      tries = 0;
      setBusy(true);
      if (how === "fresh") clearLogs();
    });
    on("post", show);
    on("ready", () => {
      setBusy(false);
      setConnection("live");
    });
    on("beat", () => {});
    stream.onerror = () => {
      if (stream === source) reconnect();
    };
  }

  setInterval(() => {
    if (source && Date.now() - lastHeard > SILENCE_MS) reconnect();
  }, 5000);
  addEventListener("online", () => {
    if (known.mode) start();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    count(0);
    // A phone may have slept with the connection open on one side only.
    if (source && Date.now() - lastHeard > SILENCE_MS / 2) connect();
  });

  // Completion ----------------------------------------------------------------------------------

  const line = $("line");
  const list = $("completions");
  let options = [];
  let chosen = -1;
  let asking = null;

  function closeCompletions() {
    asking?.abort();
    options = [];
    chosen = -1;
    list.hidden = true;
    list.replaceChildren();
    line.setAttribute("aria-expanded", "false");
    line.removeAttribute("aria-activedescendant");
  }

  function openCompletions(found) {
    options = found;
    chosen = -1;
    list.replaceChildren(...found.map(({ insert, describe }, index) =>
      el("li", { role: "option", id: `completion-${index}`, "aria-selected": "false", on: {
        // The input keeps the focus.
        mousedown: (event) => event.preventDefault(),
        click: () => accept(index),
      } }, el("span", { class: "insert" }, insert), el("span", { class: "describe" }, describe)),
    ));
    list.hidden = false;
    list.scrollTop = 0;
    line.setAttribute("aria-expanded", "true");
    line.removeAttribute("aria-activedescendant");
  }

  function choose(index) {
    chosen = (index + options.length) % options.length;
    for (const [at, option] of [...list.children].entries()) option.setAttribute("aria-selected", String(at === chosen));
    line.setAttribute("aria-activedescendant", `completion-${chosen}`);
    list.children[chosen].scrollIntoView({ block: "nearest" });
  }

  async function complete() {
    asking?.abort();
    const asked = line.value;
    if (line.selectionEnd !== asked.length) return closeCompletions();
    const mine = new AbortController();
    asking = mine;
    const found = await call("/api/complete", { query: { line: asked }, signal: mine.signal }).catch(() => []);
    if (mine.signal.aborted || line.value !== asked || document.activeElement !== line) return;
    // A word that is already typed whole is no news.
    const word = asked.slice(asked.search(/\S*$/));
    const news = found.filter(({ insert }) => insert !== word);
    if (news.length > 0) openCompletions(news);
    else closeCompletions();
  }

  function accept(index) {
    const { insert } = options[index];
    line.value = `${line.value.slice(0, line.value.search(/\S*$/))}${insert} `;
    closeCompletions();
    complete();
  }

  function fillLine(text) {
    line.value = text;
    closeCompletions();
    line.focus();
    line.setSelectionRange(text.length, text.length);
  }

  // Composer ------------------------------------------------------------------------------------

  function showTrouble(text) {
    $("trouble").hidden = !text;
    $("trouble").textContent = clean(text ?? "");
  }

  /** What this person typed in this room, the newest last. */
  function typed() {
    const messages = [...(logs.get(room)?.list.children ?? [])].map((node) => logs.get(room).items.get(node.dataset.id).message);
    const lines = messages.filter((message) => message.by?.key === known.me).map((message) => message.line);
    return lines.filter((text, index) => text !== lines[index - 1]);
  }

  /** How far back in what was typed, and what stood in the input before. */
  let back = 0;
  let draft = "";

  function recall(step) {
    const lines = typed();
    const target = Math.min(Math.max(back + step, 0), lines.length);
    if (target === back) return;
    if (back === 0) draft = line.value;
    back = target;
    fillLine(back === 0 ? draft : lines[lines.length - back]);
  }

  line.addEventListener("input", () => {
    back = 0;
    unheard.clear();
    if (line.value.trim() === "") closeCompletions();
    else complete();
  });

  line.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    const isOpen = !list.hidden;
    const keys = {
      ArrowDown: () => {
        if (isOpen) choose(chosen + 1);
        else if (back > 0) recall(-1);
        else complete();
      },
      ArrowUp: () => (isOpen ? choose(chosen < 0 ? options.length - 1 : chosen - 1) : recall(1)),
      Tab: isOpen && !event.shiftKey ? () => accept(Math.max(chosen, 0)) : null,
      Enter: isOpen && chosen >= 0 ? () => accept(chosen) : null,
      Escape: isOpen ? closeCompletions : back > 0 ? () => recall(-back) : null,
    };
    const does = keys[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  });

  line.addEventListener("blur", closeCompletions);

  let isSending = false;
  $("composer").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = line.value.trim();
    if (text === "" || isSending || !room) return;
    closeCompletions();
    isSending = true;
    $("send").setAttribute("aria-disabled", "true");
    line.readOnly = true;
    try {
      await act("/api/line", { room, line: text });
      line.value = "";
      back = 0;
      showTrouble(null);
      toEnd();
    } catch (error) {
      showTrouble(error.message);
    } finally {
      isSending = false;
      $("send").removeAttribute("aria-disabled");
      line.readOnly = false;
      line.focus();
    }
  });

  // Login ---------------------------------------------------------------------------------------

  /** From a one-time link. Kept here and taken out of the address, so that it is not in the history. */
  let token = null;

  function showLogin() {
    $("form").close();
    disconnect();
    setConnection("off");
    known.me = null;
    $("chat").hidden = true;
    $("me").hidden = true;
    $("login").hidden = false;
    $("redeem").hidden = !token;
    $("login-text").textContent = token
      ? "This link logs you in on this browser. It works once."
      : "Run “acgs web-login NAME” where the bot runs, with your name, and open the link that it prints.";
    if (token) $("redeem").focus();
  }

  $("redeem").addEventListener("click", async () => {
    try {
      await call("/login", { body: { token } });
      token = null;
      history.replaceState(null, "", "/");
      start();
    } catch (error) {
      if (error.status !== 0) token = null;
      showLogin();
      $("login-trouble").textContent = clean(error.message);
      $("login-trouble").hidden = false;
    }
  });

  $("logout").addEventListener("click", async () => {
    try {
      await call("/logout", { body: {} });
      lastEvent = "";
      clearLogs();
      showLogin();
    } catch (error) {
      showTrouble(error.message);
    }
  });

  // Start ---------------------------------------------------------------------------------------

  $("person").addEventListener("change", () => {
    known.me = $("person").value;
    remember(known.me);
    lastEvent = "";
    back = 0;
    setConnection("connecting");
    connect();
    fillStarters();
  });
  $("room").addEventListener("change", () => showRoom($("room").value));
  $("newer").addEventListener("click", toEnd);
  $("scroll").addEventListener("scroll", () => {
    if (isAtEnd()) $("newer").hidden = true;
  });

  if (location.pathname === "/login") {
    token = new URLSearchParams(location.search).get("token");
    history.replaceState(null, "", "/login");
    showLogin();
  } else {
    start();
  }
})();
