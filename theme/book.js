// What pages do beyond being read. Text, code and figures are complete without it.
"use strict";

const root = document.body.dataset.root || "";

// Light or dark: as the system says, or as switched.
{
    const html = document.documentElement;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const button = document.getElementById("theme-switch");
    const now = () => html.dataset.theme ?? (dark.matches ? "dark" : "light");
    const other = () => (now() === "dark" ? "light" : "dark");
    const label = () => {
        button.textContent = other() === "dark" ? "Dark" : "Light";
        button.setAttribute("aria-label", `Switch to ${other()} colours`);
    };
    const keep = theme => {
        try {
            if (theme) localStorage.setItem("theme", theme);
            else localStorage.removeItem("theme");
        } catch { /* no storage: the choice lasts as long as the page */ }
    };
    button.addEventListener("click", () => {
        const wanted = other();
        const system = dark.matches ? "dark" : "light";
        // Back to what the system says: follow it again.
        if (wanted === system) delete html.dataset.theme;
        else html.dataset.theme = wanted;
        keep(html.dataset.theme);
        label();
    });
    dark.addEventListener("change", label);
    label();
}

// Buttons of listings.
const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", () => act(made));
    return made;
};

const copy = text => async made => {
    const before = made.textContent;
    try {
        await navigator.clipboard.writeText(text());
        made.textContent = "Copied";
    } catch {
        made.textContent = "Not allowed here";
    }
    setTimeout(() => { made.textContent = before; }, 1500);
};

const tools = (place, ...buttons) => {
    const made = document.createElement("div");
    made.className = "tools";
    made.append(...buttons);
    place.append(made);
};

// Where `part` stands in `whole`, by lines, whatever their indentation.
const find = (whole, part) => {
    const plain = text => text.split("\n").map(line => line.trim());
    const [lines, wanted] = [plain(whole), plain(part.trimEnd())];
    return lines.findIndex((_, at) => wanted.every((line, n) => lines[at + n] === line));
};

// The rest of the file, around the part that the page shows.
const parts = new Map();
const openFile = (figure, code, file) => made => {
    const open = made.getAttribute("aria-expanded") === "true";
    made.setAttribute("aria-expanded", String(!open));
    made.textContent = open ? "Rest of the file" : "Only this part";
    figure.classList.toggle("whole", !open);
    if (open) {
        code.replaceChildren(...parts.get(code).childNodes);
        parts.delete(code);
        return;
    }
    const part = code.cloneNode(true);
    parts.set(code, part);
    const alone = part.cloneNode(true);
    alone.querySelector(".imports")?.remove();
    const from = find(file.textContent, alone.textContent.trim());
    code.replaceChildren(...file.cloneNode(true).childNodes);
    const box = code.parentElement;
    const line = box.scrollHeight / file.textContent.trimEnd().split("\n").length;
    box.scrollTop = Math.max(0, (from - 3) * line);
};

const wholeFile = id => document.querySelector(`#${CSS.escape(id)} code`);

// A whole use builds alone: below it stand the listings that it calls, which the page has at its end.
const pasted = (program, below) => {
    const piece = it => typeof it === "string" ? it : `${wholeFile(it.file).textContent}\n`;
    return `${program}\n${JSON.parse(below).map(piece).join("")}`;
};

for (const figure of document.querySelectorAll("figure.listing")) {
    if (figure.closest(".compare")) continue;
    const code = figure.querySelector("pre code");
    const file = wholeFile(figure.dataset.file);
    const { below } = figure.dataset;
    const seen = () => (parts.get(code) ?? code).textContent;
    const buttons = [button("Copy", copy(() => below ? pasted(seen(), below) : seen()))];
    if (below) buttons[0].title = "One file that builds alone: the program, and the listings that it calls";
    if (file) {
        const eye = button("Rest of the file", openFile(figure, code, file));
        eye.setAttribute("aria-expanded", "false");
        buttons.push(button("Copy file", copy(() => file.textContent)), eye);
    }
    tools(figure.querySelector("figcaption"), ...buttons);
}
// Wrong beside right: each is copied whole, and what both have is shown in both at once.
for (const pair of document.querySelectorAll(".compare")) {
    const eyes = [];
    const show = () => {
        const all = pair.classList.toggle("all");
        for (const eye of eyes) {
            eye.setAttribute("aria-expanded", String(all));
            eye.textContent = all ? "Only what differs" : "All lines";
        }
    };
    for (const figure of pair.querySelectorAll("figure.listing")) {
        const code = figure.querySelector("pre code");
        const buttons = [button("Copy", copy(() => code.textContent))];
        if (code.querySelector(".more")) {
            const eye = button("All lines", show);
            eye.setAttribute("aria-expanded", "false");
            eyes.push(eye);
            buttons.push(eye);
        }
        tools(figure.querySelector("figcaption"), ...buttons);
    }
}

for (const block of document.querySelectorAll(".dependencies, .needs, details.proof > div, details.whole > div")) {
    const code = block.querySelector("code.rust, code.language-toml");
    if (code) tools(block.querySelector(".source") ?? block, button("Copy", copy(() => code.textContent)));
}

// A promise opens its proof, and closes it again.
for (const link of document.querySelectorAll("a.mark[href^='#promise-']")) {
    const proof = document.getElementById(decodeURIComponent(link.hash.slice(1)))?.closest("details.proof");
    if (!proof) continue; // a test that the page shows
    const outer = proof.parentElement.closest("details");
    const shown = () => proof.open && outer.open;
    const tell = () => link.setAttribute("aria-expanded", String(shown()));
    link.addEventListener("click", event => {
        const open = shown();
        proof.open = !open;
        if (open) {
            event.preventDefault();
            if (!outer.querySelector("details[open]")) outer.open = false;
        } else {
            outer.open = true;
        }
    });
    proof.addEventListener("toggle", tell);
    outer.addEventListener("toggle", tell);
    tell();
}

// What a reader hears of a footnote, in the text and at the end of the page.
for (const link of document.querySelectorAll(".footnote-reference a")) link.setAttribute("aria-label", `Note ${link.textContent}`);
for (const link of document.querySelectorAll(".footnote-definition a[href^='#fr-']")) link.setAttribute("aria-label", `Back to the text ${link.textContent.replace("↩", "")}`.trimEnd());

// What scrolls can be focused, so that the keyboard scrolls it, too.
{
    const check = box => {
        const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
        if (scrolls) {
            box.tabIndex = 0;
            box.setAttribute("role", "group");
            box.setAttribute("aria-label", box.matches("pre") ? "Code" : "Table");
        } else {
            for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
        }
    };
    const watch = new ResizeObserver(seen => seen.forEach(one => check(one.target)));
    const boxes = document.querySelectorAll("pre, .table-wrapper, .times");
    boxes.forEach(box => watch.observe(box));
    // Letters of another width change what scrolls, and not the size of the box.
    document.fonts.ready.then(() => boxes.forEach(check));
}

// The headings of a long page, where there is room beside it.
{
    const headings = document.querySelectorAll("main > h2");
    if (headings.length > 2 && !location.pathname.endsWith("print.html")) {
        const nav = document.createElement("nav");
        nav.className = "on-this-page";
        nav.setAttribute("aria-label", "On this page");
        const title = document.createElement("p");
        title.textContent = "On this page";
        nav.append(title);
        for (const heading of headings) {
            const link = document.createElement("a");
            link.href = `#${heading.id}`;
            link.textContent = heading.textContent;
            nav.append(link);
        }
        document.querySelector(".page").append(nav);
        document.body.classList.add("has-aside");
    }
}

// Text as it is compared: case and quotes do not matter.
const plain = text => text.toLowerCase().replace(/[`'"‘’“”«»]/g, "");
// The words of what somebody typed, or pasted from a compiler: without the marks around them.
const wordsOf = text => plain(text)
    .replace(/\berror\[(e\d{4})\]/g, "$1")
    .split(/[\s,;()[\]{}…|]+/)
    .map(word => word.replace(/^[-.:=>]+|[-.:=?]+$/g, ""))
    .filter(word => /[\p{L}\p{N}]/u.test(word));
// Those that have all the words, or else the most of them; `most` says how many that is. A name of the reader's own is in no text.
const best = (all, words, has) => {
    const counted = all.map(one => [one, words.filter(word => has(one, word)).length]);
    const most = Math.max(0, ...counted.map(([, count]) => count));
    // Fewer than half of them say nothing.
    const enough = most === words.length || words.length > 2 && 2 * most > words.length;
    return { most, found: enough ? counted.filter(([, count]) => count === most).map(([one]) => one) : [] };
};

// A box above a long list: only the lines with the words that are typed into it stay.
for (const place of document.querySelectorAll("[data-filter]")) {
    // The page for print is the whole book.
    if (location.pathname.endsWith("print.html")) continue;
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("p");
    input.type = "search";
    input.id = "filter-text";
    input.autocomplete = "off";
    input.spellcheck = false;
    label.htmlFor = input.id;
    label.textContent = place.dataset.filter;
    count.setAttribute("role", "status");
    count.setAttribute("aria-live", "polite");
    place.append(label, input, count);
    // What stands below it: each heading, and what belongs to it.
    const below = [];
    for (let next = place.nextElementSibling; next; next = next.nextElementSibling) below.push(next);
    const lines = below.flatMap(one => [...one.querySelectorAll("li")]);
    const text = new Map(lines.map(line => [line, plain(line.textContent)]));
    const level = one => /^H[2-6]$/.test(one.tagName) ? Number(one.tagName[1]) : 7;
    const show = (one, shown) => {
        one.hidden = !shown;
        const link = one.id && document.querySelector(`.on-this-page a[href="#${CSS.escape(one.id)}"]`);
        if (link) link.hidden = !shown;
    };
    const filter = () => {
        const words = wordsOf(input.value);
        const { most, found } = best(lines, words, (line, word) => text.get(line).includes(word));
        const shown = new Set(words.length ? found : lines);
        for (const line of lines) line.hidden = !shown.has(line);
        // From the end: whether a heading stays is known when all below it is.
        const open = Array(8).fill(false);
        for (const one of below.toReversed()) {
            const at = level(one);
            const stays = words.length === 0 || (at < 7 ? open.slice(at + 1).includes(true) : [...one.querySelectorAll("li")].some(line => shown.has(line)));
            show(one, stays);
            if (at < 7) open.fill(false, at + 1);
            open[at] ||= stays;
        }
        const lineCount = `${found.length} ${found.length === 1 ? "line" : "lines"}`;
        count.textContent = words.length === 0 ? ""
            : found.length === 0 ? "No line has these words. Try fewer of them, or search the whole book: press / outside of the box."
                : most === words.length ? `${lineCount} of ${lines.length}`
                    : `No line has all ${words.length} words. ${lineCount} with ${most} of them:`;
    };
    input.addEventListener("input", filter);
    input.addEventListener("keydown", event => {
        if (event.key !== "Escape") return;
        input.value = "";
        filter();
    });
}

// The place of this page in the list of pages.
{
    const contents = document.getElementById("contents");
    const here = contents.querySelector("[aria-current]");
    const show = () => { if (here) contents.scrollTop = here.offsetTop - contents.clientHeight / 2; };
    contents.addEventListener("toggle", show);
    show();
}

// Search. The index is loaded when it is first asked for.
{
    const dialog = document.getElementById("search");
    const input = document.getElementById("search-text");
    const list = document.getElementById("search-results");
    const count = document.getElementById("search-count");
    let index;
    const load = () => index ??= new Promise((done, failed) => {
        const script = document.createElement("script");
        script.src = `${root}search-index.js`;
        script.onload = () => done(window.searchIndex);
        script.onerror = () => failed(new Error("the index of the search is missing"));
        document.head.append(script);
    });
    const times = (text, word) => text.split(word).length - 1;
    // How well an entry fits one word; 0: not at all.
    const fits = (entry, word) => {
        const title = times(entry.low.title, word);
        const page = times(entry.low.page, word);
        const text = Math.min(times(entry.low.text, word), 6);
        const code = times(entry.low.code, word);
        return 12 * title + 6 * page + 2 * text + code;
    };
    // A symptom is a sentence: one word asks for an API, unless it is the number of an error.
    const asksForSymptom = words => words.length > 1 || /^e\d{4}$/.test(words[0]);
    const score = (entry, words) => {
        const sum = words.reduce((all, word) => all + fits(entry, word), 0);
        if (!asksForSymptom(words)) return sum;
        const phrase = words.join(" ");
        const named = entry.low.title.includes(phrase);
        // What somebody sees comes before all places that only have its words; on its page, the lines that most people need are first.
        if (entry.s && named) return 2000;
        // Before both: a page of that name.
        const first = entry.s ? 1000 : !named ? 0 : entry.t === entry.p ? 3000 : 1500;
        return sum + first + (entry.low.text.slice(0, 400).includes(phrase) ? 6 : 0);
    };
    const marked = (text, words) => {
        const out = document.createElement("span");
        const low = text.toLowerCase();
        let at = 0;
        while (at < text.length) {
            const next = words
                .map(word => [low.indexOf(word, at), word.length])
                .filter(([found]) => found >= 0)
                .sort(([a], [b]) => a - b)[0];
            if (!next) break;
            out.append(text.slice(at, next[0]));
            const mark = document.createElement("mark");
            mark.textContent = text.slice(next[0], next[0] + next[1]);
            out.append(mark);
            at = next[0] + next[1];
        }
        out.append(text.slice(at));
        return out;
    };
    // The words around the first hit.
    const teaser = (entry, words) => {
        const low = entry.x.toLowerCase();
        const hits = words.map(word => low.indexOf(word)).filter(at => at >= 0);
        const at = Math.max(0, Math.min(...hits, entry.x.length) - 60);
        const from = at === 0 ? 0 : entry.x.indexOf(" ", at) + 1;
        const text = entry.x.slice(hits.length ? from : 0, (hits.length ? from : 0) + 170);
        return (hits.length && from ? "… " : "") + text + (entry.x.length > from + 170 ? " …" : "");
    };
    const search = async () => {
        const words = wordsOf(input.value);
        let entries;
        try {
            entries = await load();
        } catch (error) {
            count.textContent = error.message;
            return;
        }
        for (const entry of entries) {
            entry.low ??= {
                title: plain(entry.t ?? ""),
                page: plain(entry.p),
                text: plain(entry.x),
                code: plain(entry.c ?? ""),
            };
        }
        const has = (entry, word) => fits(entry, word) > 0;
        const fitting = best(entries, words, has);
        // A message that somebody pasted has names of their own: a symptom without these comes before a long section with more of the words.
        const like = best(entries.filter(entry => entry.s), words, has);
        const symptoms = fitting.most < words.length || words.length > 5 && like.most > 0.6 * words.length ? like.found : [];
        const found = words.length === 0 ? [] : [...new Set([...symptoms, ...fitting.found])]
            .map(entry => [score(entry, words), entry])
            .sort(([a], [b]) => b - a);
        const places = found.length === 1 ? "1 place" : `${found.length} places`;
        count.textContent = words.length === 0 ? ""
            : fitting.most === words.length || found.length === 0 ? places
                : `${places} with many of these ${words.length} words`;
        list.replaceChildren(...found.slice(0, 20).map(([, entry]) => {
            const item = document.createElement("li");
            const link = document.createElement("a");
            link.href = root + entry.u;
            link.append(marked(entry.t || entry.p, words));
            const small = document.createElement("small");
            const where = entry.t && entry.t !== entry.p ? `${entry.p}. ` : "";
            small.append(where, marked(teaser(entry, words), words));
            link.append(small);
            item.append(link);
            return item;
        }));
    };
    const open = () => {
        if (!dialog.open) dialog.showModal();
        input.select();
        load().catch(() => { });
    };
    document.getElementById("search-open").addEventListener("click", open);
    input.addEventListener("input", search);
    dialog.addEventListener("click", event => {
        if (event.target === dialog || event.target.closest("#search-results a")) dialog.close();
    });
    dialog.querySelector("form").addEventListener("submit", event => {
        // Enter in the field goes to the first place; the button closes.
        const first = list.querySelector("a");
        if (document.activeElement === input && first) {
            event.preventDefault();
            first.click();
        }
    });
    dialog.addEventListener("keydown", event => {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const places = [input, ...list.querySelectorAll("a")];
        places[Math.max(0, Math.min(places.length - 1, places.indexOf(document.activeElement) + step))].focus();
    });
    document.addEventListener("keydown", event => {
        if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
        if (event.target.closest("input, textarea, select")) return;
        if (event.key === "/") {
            event.preventDefault();
            open();
        }
        const turn = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
        // In code that scrolls, the arrows scroll it.
        if (turn && document.activeElement === document.body) document.querySelector(`.turn [rel=${turn}]`)?.click();
    });
}
