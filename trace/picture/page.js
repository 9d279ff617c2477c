// The page: what the graph's parts are, how they are grouped and coloured, and what is said of them.
// Invariant: texts of the graph reach the document as text, never as markup.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const state = {signature: 0, view: 0, grouping: "", colouring: "", chosen: null};
let model = null;

// ---- The parts ----

/** A node, as it is drawn. */
function partOf(node, index, nodes) {
  const slash = node.name.lastIndexOf("/");
  const own = node.name.slice(slash + 1);
  const part = {id: "n" + index, index, node, order: index, title: own, lines: [], inputs: [], readers: [], parent: null};
  const numbers = node.inputs.some(([from]) => nodes[from].kind === "number");
  const operands = node.inputs.map(([from]) => (nodes[from].kind === "number" ? brief(nodes[from].label) : "\u00b7"));
  if (node.kind === "op" && (numbers || !named(own, node.label)))
    part.lines.push(shortened(node.label + (numbers ? "(" + operands.join(", ") + ")" : ""), 34));
  if (node.kind === "assign") part.title = "assign " + node.label;
  if (node.kind === "check") part.lines.push(shortened(node.label, 40));
  node.results.forEach((result, i) => part.lines.push((node.results.length > 1 ? ":" + i + " " : "") + result));
  return part;
}

const named = (own, label) => own === label || (own.startsWith(label) && /^_\d+(_\d+)*$/.test(own.slice(label.length)));
/** A number with at most five digits. */
const brief = (text) => (text.length > 7 && Number.isFinite(Number(text)) ? String(Number(Number(text).toPrecision(5))) : text);
const shortened = (text, most) => (text.length > most ? text.slice(0, most - 1) + "\u2026" : text);

/** All parts of a view, and the edges between them. */
function partsOf(view) {
  const parts = view.nodes.map((node, i) => (node.kind === "number" ? null : partOf(node, i, view.nodes)));
  const edges = [];
  parts.forEach((part) => {
    if (!part) return;
    for (const [from, result] of part.node.inputs) {
      part.inputs.push({part: parts[from], number: parts[from] ? null : view.nodes[from].label, result});
      if (!parts[from]) continue;
      if (!parts[from].readers.includes(part)) parts[from].readers.push(part);
      edges.push([parts[from], part]);
    }
  });
  view.outputs.forEach((output, i) => {
    const from = parts[output.edge[0]];
    const spec = view.nodes[output.edge[0]].results[output.edge[1]];
    const node = {name: output.name, kind: "output", label: "result", results: [spec], inputs: [output.edge], step: -1};
    const part = {id: "o" + i, index: view.nodes.length + i, node, order: view.nodes.length + i, title: output.name,
                  lines: [spec], inputs: [], readers: [], parent: null};
    parts.push(part);
    if (!from) return;
    part.inputs.push({part: from, number: null, result: output.edge[1]});
    from.readers.push(part);
    edges.push([from, part]);
  });
  return {parts: parts.filter(Boolean), edges};
}

function groupOf(id, title, parent) {
  return {id: "g" + id, title, parts: [], lines: [], parent, open: true, order: Infinity};
}

/** The groups around the parts, by `scopes`, by `kernels`, or none. */
function grouped(parts, steps, grouping) {
  const root = groupOf("", "", null), groups = new Map();
  const into = (parent, id, title) => {
    if (!groups.has(id)) {
      const made = groupOf(id, title, parent);
      groups.set(id, made);
      parent.parts.push(made);
    }
    return groups.get(id);
  };
  const members = new Map();
  for (const part of parts) members.set(part.node.step, (members.get(part.node.step) || 0) + 1);
  for (const part of parts) {
    let parent = root;
    if (grouping === "scopes" && part.node.kind !== "output") {
      const path = part.node.name.split("/");
      for (let i = 1; i < path.length; ++i) parent = into(parent, path.slice(0, i).join("/"), path[i - 1]);
    } else if (grouping === "kernels" && part.node.step >= 0 && members.get(part.node.step) > 1) {
      parent = into(root, "step" + part.node.step, stepName(part.node.step));
      parent.step = part.node.step;
    }
    part.parent = parent;
    parent.parts.push(part);
  }
  const finish = (group) => {
    group.size = 0;
    for (const part of group.parts) {
      if (part.parts) finish(part);
      group.size += part.parts ? part.size : 1;
      group.order = Math.min(group.order, part.order);
    }
    group.lines = [counted(group.size, "node")];
    group.note = group.lines[0];
    const time = group.step >= 0 ? steps[group.step].microseconds : undefined;
    if (time !== undefined) {
      group.lines.push(timeText(time));
      group.note += ", " + timeText(time);
    }
  };
  finish(root);
  return {root, groups: [...groups.values()]};
}

// ---- Colours ----

const dark = () => document.documentElement.dataset.theme === "dark";

function tint(hue, chroma = 1) {
  const at = (lightness, c) => `oklch(${lightness} ${c * chroma} ${hue})`;
  return dark() ? {fill: at(.33, .055), stroke: at(.62, .11), text: at(.96, .015), soft: at(.84, .03), wash: at(.22, .03)}
                : {fill: at(.945, .042), stroke: at(.68, .12), text: at(.27, .05), soft: at(.43, .05), wash: at(.975, .016)};
}

function heat(share) {
  const at = Math.sqrt(Math.min(1, Math.max(0, share)));
  const made = tint(75 - 45 * at, .3 + 1.2 * at);
  const fill = dark() ? `oklch(${.27 + .25 * at} ${.01 + .13 * at} ${75 - 45 * at})` : `oklch(${.97 - .2 * at} ${.01 + .13 * at} ${75 - 45 * at})`;
  return {...made, fill};
}

const plain = () => tint(250, .15);
const kinds = {
  input: () => ({...tint(250, .9), round: true}),
  output: () => ({...tint(250, .9), round: true}),
  variable: () => tint(80, 1.3),
  assign: () => ({...tint(80, 1.3), dashed: true}),
  constant: () => tint(250, .25),
  draw: () => tint(310, 1),
  check: () => tint(25, 1),
};

function colourOf(part) {
  const steps = data.signatures[state.signature].steps;
  const node = part.node || {kind: "group", step: part.step === undefined ? -1 : part.step, label: part.title};
  if (state.colouring === "time") {
    const most = Math.max(...steps.map((step) => step.microseconds || 0));
    const time = node.step >= 0 ? steps[node.step].microseconds : undefined;
    if (time !== undefined) return heat(most > 0 ? time / most : 0);
    return kinds[node.kind] && kinds[node.kind]().round ? {...plain(), round: true} : plain();
  }
  if (kinds[node.kind]) return kinds[node.kind]();
  if (node.kind === "group" && node.step < 0) return plain();
  if (state.colouring === "operators") {
    let hash = 7;
    for (const letter of node.label) hash = (hash * 31 + letter.charCodeAt(0)) >>> 0;
    return node.kind === "group" ? plain() : tint((hash * 137.508) % 360);
  }
  if (node.step >= 0) return tint((205 + 137.508 * node.step) % 360);
  return steps.length ? {...plain(), dashed: true} : tint(205);
}

/** Worked out once per change of colours, not per frame. */
function styles() {
  const known = new Map();
  const general = {into: dark() ? "oklch(.78 .14 150)" : "oklch(.55 .14 150)", outof: dark() ? "oklch(.78 .14 55)" : "oklch(.6 .15 50)"};
  return (part) => {
    if (!part) return general;
    if (!known.has(part)) known.set(part, colourOf(part));
    return known.get(part);
  };
}

// ---- Texts ----

const counted = (number, what) => number + " " + what + (number === 1 ? "" : "s");
const commas = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
function bytesText(bytes) {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["KB", 1e3]]) {
    if (bytes >= size) return (bytes / size).toPrecision(3) + " " + unit;
  }
  return bytes + " B";
}
function timeText(us) {
  if (us >= 1e6) return (us / 1e6).toPrecision(3) + " s";
  if (us >= 1e3) return (us / 1e3).toPrecision(3) + " ms";
  return (us >= 100 ? us.toFixed(0) : us.toPrecision(3)) + " \u00b5s";
}
function stepName(number) {
  return data.signatures[state.signature].steps[number].kind + " " + (number + 1);
}

/** An element with attributes, properties and children; texts stay texts. */
function element(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties || {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function swatch(part) {
  const style = colourOf(part), made = element("span", {className: "dot", "aria-hidden": "true"});
  made.style.background = style.fill;
  made.style.borderColor = style.stroke;
  return made;
}

function facts(pairs) {
  const list = element("dl");
  for (const [name, value] of pairs) {
    if (value === undefined || value === null || value === "") continue;
    list.append(element("dt", {}, name), element("dd", {}, value));
  }
  return list;
}

function partRow(part, note) {
  return element("button", {type: "button", className: "row", onclick: () => choose(part, true)}, swatch(part),
                 element("b", {}, part.node ? part.node.name : part.title),
                 element("span", {className: "mono"}, note || (part.node ? part.node.results.join(", ") : "")));
}

// ---- The panel ----

function stepFacts(number) {
  const {steps} = data.signatures[state.signature];
  const step = steps[number], all = steps.reduce((sum, each) => sum + (each.microseconds || 0), 0);
  const measured = step.microseconds !== undefined;
  return [
    ["reads", commas(step.read) + " B"], ["writes", commas(step.written) + " B"],
    ["operations", step.operations ? step.operations + " per element" : ""],
    ["launches", step.launches > 1 ? String(step.launches) + ", as one piece of work" : ""],
    ["time", measured ? timeText(step.microseconds) + (all > 0 ? ", " + (100 * step.microseconds / all).toFixed(1) + "% of the call" : "") : ""],
    ["moved", measured && step.microseconds > 0 ? bytesText((step.read + step.written) / step.microseconds * 1e6) + "/s" : ""],
  ];
}

function aboutNode(part) {
  const {node} = part, attributes = node.attributes ? node.attributes.split(/, (?=[A-Za-z_]\w*=)/) : [];
  const {steps} = data.signatures[state.signature];
  const made = [element("h2", {}, node.name)];
  made.push(element("span", {className: "badge"}, swatch(part), node.kind === "op" ? node.label : node.kind));
  if (node.step >= 0) {
    const others = model.parts.filter((other) => other.node.step === node.step);
    const text = stepName(node.step) + (others.length > 1 ? ", with " + (others.length - 1) + " more" : "");
    made.push(element("span", {className: "badge"}, text));
  } else if (node.kind === "op" && steps.length) {
    made.push(element("span", {className: "badge"}, "not run: passes left it out"));
  }
  made.push(facts([
    ["variable", node.kind === "variable" || node.kind === "assign" ? node.label : ""],
    ["check", node.kind === "check" ? node.label : ""],
    ["line", node.where],
    ...attributes.map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]),
    ...node.results.map((result, i) => [node.results.length > 1 ? "result " + i : "result", element("code", {}, result)]),
  ]));
  made.push(element("h3", {}, "Inputs"));
  if (!part.inputs.length) made.push(element("p", {className: "muted"}, "none"));
  for (const input of part.inputs) {
    if (!input.part) {
      made.push(element("p", {className: "row"}, element("b", {}, input.number), " ", element("span", {className: "muted"}, "a number")));
    } else {
      const results = input.part.node.results;
      made.push(partRow(input.part, (results.length > 1 ? ":" + input.result + " " : "") + results[input.result]));
    }
  }
  if (node.kind !== "output") {
    made.push(element("h3", {}, "Read by"));
    if (!part.readers.length) made.push(element("p", {className: "muted"}, "nobody"));
    for (const reader of part.readers.slice(0, 100)) made.push(partRow(reader));
    if (part.readers.length > 100) made.push(element("p", {className: "muted"}, "and " + (part.readers.length - 100) + " more"));
  }
  if (node.step >= 0) made.push(element("h3", {}, stepName(node.step)), facts(stepFacts(node.step)));
  return made;
}

function aboutGroup(group) {
  const made = [element("h2", {}, group.title), element("span", {className: "badge"}, counted(group.size, "node"))];
  made.push(element("p", {}, element("button", {type: "button", onclick: () => toggle(group)}, group.open ? "Close the group" : "Open the group")));
  if (group.step >= 0) made.push(facts(stepFacts(group.step)));
  made.push(element("h3", {}, "Holds"));
  for (const part of group.parts.slice(0, 200)) made.push(partRow(part, part.parts ? counted(part.size, "node") : ""));
  return made;
}

function aboutAll() {
  const scene = data.signatures[state.signature], {steps} = scene;
  const count = (kind) => steps.filter((step) => step.kind === kind).length;
  const made = [element("h2", {}, data.title), element("p", {}, element("code", {}, scene.text))];
  const total = steps.reduce((sum, step) => sum + (step.microseconds || 0), 0);
  made.push(facts([
    ["nodes", commas(model.parts.filter((part) => part.node.kind !== "output").length)],
    ["runs as", steps.length ? [[count("kernel"), "kernel"], [count("library"), "library call"],
                                [steps.length - count("kernel") - count("library"), "other step"]]
                                   .filter(([number]) => number).map(([number, what]) => counted(number, what)).join(", ")
                             : "known when its sizes are"],
    ["time", total > 0 ? timeText(total) + " a call" : ""],
    ["variables", commas(scene.variables) + " B"], ["constants", commas(scene.constants) + " B"],
    ["temporaries", scene.arena === undefined ? "known when its sizes are" : commas(scene.arena) + " B"],
  ]));
  if (steps.length) {
    const weight = (step) => (total > 0 ? step.microseconds || 0 : step.read + step.written);
    const most = Math.max(1e-9, ...steps.map(weight));
    const sorted = steps.map((step, i) => i).sort((a, b) => weight(steps[b]) - weight(steps[a]));
    made.push(element("h3", {}, total > 0 ? "Where the time goes" : "What moves most bytes"));
    for (const i of sorted.slice(0, 40)) {
      const members = model.parts.filter((part) => part.node.step === i);
      if (!members.length || weight(steps[i]) === 0) continue;
      const bar = element("i");
      bar.style.width = (100 * weight(steps[i]) / most).toFixed(1) + "%";
      bar.style.background = colourOf({node: {...members[0].node, kind: "op"}}).stroke;
      made.push(element("button", {type: "button", className: "row", onclick: () => choose(members[0].parent.step === i ? members[0].parent : members[0], true)},
                        element("span", {className: "amount"}, total > 0 ? timeText(weight(steps[i])) : bytesText(weight(steps[i]))),
                        element("b", {}, stepName(i)), " ",
                        element("span", {className: "muted"}, shortened(members.map((part) => part.title).join(", "), 60)),
                        element("span", {className: "bar"}, bar)));
    }
  }
  made.push(element("h3", {}, "Keys"));
  const keys = element("div", {className: "keys"});
  for (const [key, text] of [["/", "search"], ["F", "all in sight"], ["+ \u2212", "zoom"], ["\u2191 \u2193", "an input, a reader"],
                             ["\u2190 \u2192", "the node before, after"], ["Enter", "open or close a group"], ["Esc", "choose nothing"]]) {
    keys.append(element("span", {}, element("kbd", {}, key)), element("span", {}, text));
  }
  made.push(keys);
  return made;
}

function tell() {
  const chosen = picture.chosen;
  $("panel").replaceChildren(...(!chosen ? aboutAll() : chosen.parts ? aboutGroup(chosen) : aboutNode(chosen)));
  $("panel").scrollTop = 0;
}

// ---- What the reader does ----

const picture = new Picture($("canvas"), {hover: () => {}, choose: (part) => choose(part, false), toggle: (group) => toggle(group)});

function choose(part, centred) {
  if (part) {
    let hidden = false;
    for (let at = part.parent; at && at.parent; at = at.parent) {
      hidden ||= !at.open;
      at.open = true;
    }
    if (hidden) arrange();
  }
  picture.chosen = part || null;
  if (part && centred) picture.centre(part);
  picture.repaint();
  tell();
  const place = new URLSearchParams(location.hash.slice(1));
  if (part && part.node) place.set("node", part.node.name);
  else place.delete("node");
  history.replaceState(null, "", "#" + place);
}

/** Opens or closes a group, which stays where it is on the screen. */
function toggle(group) {
  const before = [picture.view.x + group.x * picture.view.scale, picture.view.y + group.y * picture.view.scale];
  group.open = !group.open;
  arrange();
  picture.pan(before[0] - picture.view.x - group.x * picture.view.scale, before[1] - picture.view.y - group.y * picture.view.scale);
  if (picture.chosen) picture.chosen = visible(picture.chosen);
  tell();
}

function arrange() {
  const drawing = layout(model.root, model.edges);
  picture.show(model.root, drawing, styles());
  document.documentElement.dataset.boxes = shown().length;
}

const shown = (group = model.root) =>
    group.parts.flatMap((part) => (part.parts && part.open ? shown(part) : [part]));

/** Shows another signature, view or grouping. */
function rebuild() {
  const scene = data.signatures[state.signature];
  const view = scene.views[Math.min(state.view, scene.views.length - 1)];
  const {parts, edges} = partsOf(view);
  const {root, groups} = grouped(parts, scene.steps, state.grouping);
  model = {parts, edges, root, groups};
  for (const part of [...parts, ...groups]) picture.measure(part);
  for (const group of groups) group.open = parts.length <= 150;
  if (parts.length > 150) {  // open, from the outside, as much as can be read
    const queue = root.parts.filter((part) => part.parts);
    let boxes = root.parts.length;
    while (queue.length && boxes + queue[0].parts.length <= 150) {
      const group = queue.shift();
      group.open = true;
      boxes += group.parts.length - 1;
      queue.push(...group.parts.filter((part) => part.parts));
    }
  }
  picture.chosen = null;
  arrange();
  picture.begin();
  tell();
}

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => element("option", {value, selected: value === chosen}, text)));
}

/** What can be chosen for this signature. */
function offer() {
  const scene = data.signatures[state.signature];
  const scopes = scene.views.some((view) => view.nodes.some((node) => node.name.includes("/")));
  const groupings = [...(scopes ? [["scopes", "scopes"]] : []), ...(scene.steps.length ? [["kernels", "kernels"]] : []), ["none", "nothing"]];
  if (!groupings.some(([value]) => value === state.grouping)) state.grouping = groupings[0][0];
  options($("grouping"), groupings, state.grouping);
  const measured = scene.steps.some((step) => step.microseconds !== undefined);
  const colourings = [...(scene.steps.length ? [["kernels", "kernels"]] : []), ["operators", "operators"], ...(measured ? [["time", "time"]] : [])];
  if (!colourings.some(([value]) => value === state.colouring)) state.colouring = measured && scene.steps.length ? "time" : colourings[0][0];
  options($("colouring"), colourings, state.colouring);
  $("views").hidden = scene.views.length < 2;
  options($("view"), scene.views.map((view, i) => [String(i), view.title]), String(state.view));
}

function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean), list = $("results");
  const matches = (part) => {
    const {node} = part;
    const all = [node.name, node.label, node.where || "", node.attributes || "", ...node.results].join(" ").toLowerCase();
    return words.every((word) => all.includes(word));
  };
  const found = words.length ? model.parts.filter(matches) : [];
  for (const part of [...model.parts, ...model.groups]) part.found = false;
  for (const part of found) for (let at = part; at && at.parent; at = at.parent) at.found = at === part || !at.open;
  picture.repaint();
  list.hidden = !words.length;
  list.replaceChildren(element("p", {}, counted(found.length, "node")),
                       ...found.slice(0, 100).map((part) => {
                         const row = partRow(part, [part.node.label, ...part.node.results].join(" "));
                         row.setAttribute("role", "option");
                         row.addEventListener("click", () => { list.hidden = true; });
                         return row;
                       }));
  return found;
}

let turn = 0;
$("search").addEventListener("input", () => { turn = 0; search($("search").value); });
$("search").addEventListener("focus", () => search($("search").value));
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    const found = search($("search").value);
    if (found.length) choose(found[turn++ % found.length], true);
  } else if (event.key === "ArrowDown") {
    const first = $("results").querySelector("button");
    if (first) first.focus();
    event.preventDefault();
  } else if (event.key === "Escape") {
    $("search").value = "";
    search("");
    $("canvas").focus();
  }
});
$("results").addEventListener("keydown", (event) => {
  const to = {ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling"}[event.key];
  const next = to && document.activeElement[to];
  if (next && next.focus) next.focus();
  if (event.key === "Escape") $("search").focus();
});
document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest(".search")) $("results").hidden = true;
});

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const chosen = picture.chosen;
  const step = (by) => {
    const all = model.parts, at = chosen && chosen.node ? all.indexOf(chosen) : by > 0 ? -1 : all.length;
    return all[at + by];
  };
  const keys = {
    "/": () => $("search").focus(),
    f: () => picture.fit(),
    "+": () => picture.zoom(1.25),
    "=": () => picture.zoom(1.25),
    "-": () => picture.zoom(.8),
    Escape: () => choose(null, false),
    Enter: () => chosen && chosen.parts && toggle(chosen),
    ArrowUp: () => chosen && chosen.node && chosen.inputs.find((input) => input.part) && choose(chosen.inputs.find((input) => input.part).part, true),
    ArrowDown: () => chosen && chosen.node && chosen.readers.length && choose(chosen.readers[0], true),
    ArrowLeft: () => step(-1) && choose(step(-1), true),
    ArrowRight: () => step(1) && choose(step(1), true),
  };
  const own = document.activeElement === $("canvas") || document.activeElement === document.body;
  if (!keys[event.key] || (!own && /^(Arrow|Enter)/.test(event.key))) return;
  event.preventDefault();
  keys[event.key]();
});

for (const [id, rebuilds] of [["signature", true], ["view", true], ["grouping", true], ["colouring", false]]) {
  $(id).addEventListener("change", () => {
    state[id] = id === "signature" || id === "view" ? Number($(id).value) : $(id).value;
    if (id === "signature") state.view = 0;
    offer();
    if (rebuilds) return rebuild();
    picture.style = styles();
    picture.repaint();
    tell();
  });
}
$("open").addEventListener("click", () => { for (const group of model.groups) group.open = true; arrange(); picture.fit(); tell(); });
$("close").addEventListener("click", () => { for (const group of model.groups) group.open = false; picture.chosen = null; arrange(); picture.fit(); tell(); });
$("plus").addEventListener("click", () => picture.zoom(1.25));
$("minus").addEventListener("click", () => picture.zoom(.8));
$("fit").addEventListener("click", () => picture.fit());

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  if (!model) return;
  picture.style = styles();
  picture.repaint();
  tell();
}
$("theme").addEventListener("click", () => setTheme(dark() ? "light" : "dark"));
const system = matchMedia("(prefers-color-scheme: dark)");
system.addEventListener("change", () => setTheme(system.matches ? "dark" : "light"));

// ---- The beginning: what the address says, so that a place can be sent to somebody ----

const start = new URLSearchParams(location.hash.slice(1));
setTheme(start.get("theme") || (system.matches ? "dark" : "light"));
$("title").textContent = data.title;
$("signatures").hidden = data.signatures.length < 2;
options($("signature"), data.signatures.map((scene, i) => [String(i), shortened(scene.text, 80)]), "0");
state.signature = Math.min(data.signatures.length - 1, Math.max(0, Number(start.get("signature")) || 0));
state.view = Math.max(0, Number(start.get("view")) || 0);
state.grouping = start.get("grouping") || "";
state.colouring = start.get("colouring") || "";
$("signature").value = String(state.signature);
offer();
rebuild();
if (start.get("open") === "all") $("open").click();
if (start.has("node")) choose(model.parts.find((part) => part.node.name === start.get("node")), true);
if (start.has("search")) {
  $("search").value = start.get("search");
  search($("search").value);
}
document.documentElement.dataset.ready = "yes";
