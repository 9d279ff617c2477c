// Where everything is: a layered drawing per group, groups within groups.
// Invariant: a position depends on the graph and on which groups are open, and on nothing else.
"use strict";

const GAP_X = 22, GAP_Y = 30, HEADER = 26, PADDING = 16, MOST_BENDS = 30000;

/**
 * `root` is a group: {parts, open}; a part is a group or a node, with w, h (of what is closed),
 * order (in the program) and parent. `edges` are [from, to] pairs of nodes. Sets x, y, w, h of all
 * that is visible, and returns {links, edges}: links are lines of points, edges the links that lead
 * from one visible part to another.
 */
function layout(root, edges) {
  const containers = new Map();  // group -> its links
  const container = (group) => {
    if (!containers.has(group)) containers.set(group, {links: new Map(), ports: new Map()});
    return containers.get(group);
  };
  const port = (group, side, source) => {
    const ports = container(group).ports;
    const key = side + source.id;
    if (!ports.has(key)) {
      ports.set(key, {port: side, id: key, w: 4, h: 0, order: source.order, x: 0, y: 0});
    }
    return ports.get(key);
  };
  const link = (group, from, fromPort, to, toPort) => {
    const links = container(group).links;
    const key = from.id + "|" + (fromPort ? fromPort.id : "") + ">" + to.id + "|" + (toPort ? toPort.id : "");
    if (!links.has(key)) links.set(key, {group, from, fromPort, to, toPort, points: []});
    return links.get(key);
  };

  const seen = new Map();
  for (const [from, to] of edges) {
    const a = visible(from), b = visible(to);
    if (a === b) continue;
    const key = a.id + ">" + b.id;
    if (seen.has(key)) {
      ++seen.get(key).count;
      continue;
    }
    const edge = {from: a, to: b, links: [], count: 1};
    seen.set(key, edge);
    const up = groupsOf(a), down = groupsOf(b);
    let common = 0;
    while (common < up.length && common < down.length && up[common] === down[common]) ++common;
    for (let i = up.length - 1; i >= common; --i) {
      const inner = i + 1 < up.length ? up[i + 1] : a;
      edge.links.push(link(up[i], inner, inner === a ? null : port(inner, "out", a), port(up[i], "out", a), null));
    }
    const first = common < up.length ? up[common] : a, last = common < down.length ? down[common] : b;
    edge.links.push(link(common > 0 ? up[common - 1] : root, first, first === a ? null : port(first, "out", a), last,
                         last === b ? null : port(last, "in", a)));
    for (let i = common; i < down.length; ++i) {
      const inner = i + 1 < down.length ? down[i + 1] : b;
      edge.links.push(link(down[i], port(down[i], "in", a), null, inner, inner === b ? null : port(inner, "in", a)));
    }
  }

  const arrange = (group) => {
    for (const part of group.parts) if (part.parts && part.open) arrange(part);
    const {links, ports} = container(group);
    const items = [...group.parts, ...ports.values()];
    const size = layered(items, [...links.values()]);
    if (group === root) return Object.assign(group, {w: size.w, h: size.h, x: 0, y: 0});
    group.w = Math.max(size.w + 2 * PADDING, group.least || 0);
    group.h = size.h + HEADER + PADDING;
    const shift = (group.w - size.w) / 2;
    const move = (thing) => { thing.x += shift; thing.y += HEADER; };
    items.forEach(move);
    for (const each of links.values()) for (const point of each.points) { point[0] += shift; point[1] += HEADER; }
    for (const each of ports.values()) each.inside = each.y;
  };
  arrange(root);

  // From a group's own coordinates to the drawing's.
  const place = (group, x, y) => {
    for (const part of group.parts) {
      part.x += x;
      part.y += y;
      if (part.parts && part.open) place(part, part.x, part.y);
    }
    for (const each of container(group).links.values()) {
      for (const point of each.points) { point[0] += x; point[1] += y; }
      if (each.from.port) each.points.unshift([each.points[0][0], y]);
      if (each.to.port) each.points.push([each.points[each.points.length - 1][0], y + group.h]);
    }
  };
  place(root, 0, 0);
  const links = [];
  for (const {links: own} of containers.values()) links.push(...own.values());
  return {links, edges: [...seen.values()]};
}

/** What stands for a node: itself, or the outermost closed group that it is in. */
function visible(node) {
  let shown = node;
  for (let at = node.parent; at && at.parent; at = at.parent) if (!at.open) shown = at;
  return shown;
}

/** The open groups around a part, outermost first, without the root. */
function groupsOf(part) {
  const groups = [];
  for (let at = part.parent; at && at.parent; at = at.parent) groups.unshift(at);
  return groups;
}

/**
 * The drawing of one group: layers from top to bottom (Sugiyama, Tagawa and Toda, 1981). Sets x and
 * y of the items, their upper left corners, and the points of the links.
 */
function layered(items, links) {
  if (items.length === 0) return {w: 0, h: 0};
  const nodes = items.map((item) => ({item, w: item.w, h: item.h, above: [], below: [], layer: 0, x: 0}));
  const at = new Map(items.map((item, i) => [item, nodes[i]]));
  const lines = links.map((each) => ({
    link: each, a: at.get(each.from), b: at.get(each.to), back: false,
    ax: each.fromPort ? each.fromPort.x + each.fromPort.w / 2 : each.from.w / 2,
    bx: each.toPort ? each.toPort.x + each.toPort.w / 2 : each.to.w / 2,
  }));
  turnBack(nodes, lines);
  assignLayers(nodes, lines);
  const layers = bend(nodes, lines);
  order(layers);
  const width = setColumns(layers);
  const height = setRows(layers);
  for (const node of nodes) {
    node.item.x = node.x;
    node.item.y = node.item.port ? (node.item.port === "in" ? node.top : node.top + node.room) : node.y;
  }
  for (const line of lines) {
    const points = [];
    const start = line.back ? line.b : line.a, end = line.back ? line.a : line.b;
    const from = start.x + (line.back ? line.bx : line.ax), to = end.x + (line.back ? line.ax : line.bx);
    // Upright beside what stands in the same layer: lines turn between layers only.
    points.push([from, start.y + start.h], [from, start.top + start.room]);
    for (const dummy of line.bends) points.push([dummy.x, dummy.top], [dummy.x, dummy.top + dummy.room]);
    points.push([to, end.top], [to, end.y]);
    line.link.points = points;
    line.link.back = line.back;
    line.link.faint = line.cut;
  }
  return {w: width, h: height};
}

/** Closed groups may wait for each other: an edge that closes a circle is drawn against its way. */
function turnBack(nodes, lines) {
  for (const node of nodes) node.leaving = [];
  for (const line of lines) line.a.leaving.push(line);
  const sorted = [...nodes].sort((a, b) => a.item.order - b.item.order);
  for (const start of sorted) {
    if (start.state) continue;
    const stack = [[start, 0]];
    start.state = 1;
    while (stack.length) {
      const top = stack[stack.length - 1];
      const [node, next] = top;
      if (next === node.leaving.length) {
        node.state = 2;
        stack.pop();
        continue;
      }
      ++top[1];
      const line = node.leaving[next];
      if (line.b.state === 1) line.back = true;
      if (!line.b.state) {
        line.b.state = 1;
        stack.push([line.b, 0]);
      }
    }
  }
}

function assignLayers(nodes, lines) {
  for (const node of nodes) Object.assign(node, {before: [], after: [], waits: 0});
  for (const line of lines) {
    const from = line.back ? line.b : line.a, to = line.back ? line.a : line.b;
    from.after.push(to);
    to.before.push(from);
    ++to.waits;
  }
  const entries = nodes.some((node) => node.item.port === "in");
  const sorted = nodes.filter((node) => node.waits === 0);
  for (const node of nodes) node.layer = entries && node.item.port !== "in" ? 1 : 0;
  for (let i = 0; i < sorted.length; ++i) {
    for (const next of sorted[i].after) {
      next.layer = Math.max(next.layer, sorted[i].layer + 1);
      if (--next.waits === 0) sorted.push(next);
    }
  }
  for (const node of nodes) node.depth = node.layer;
  // As near to the readers as may be: lines from one place share their way, those to a reader do not.
  for (let i = sorted.length; i-- > 0;) {
    const node = sorted[i];
    if (node.item.port === "in" || node.after.length === 0 || node.before.length > node.after.length) continue;
    node.layer = Math.max(node.layer, Math.min(...node.after.map((next) => next.layer)) - 1);
  }
  const last = Math.max(...nodes.map((node) => node.layer));
  for (const node of nodes) if (node.item.port === "out") node.layer = Math.max(last, 1);
  if (nodes.some((node) => node.item.port === "out" && node.before.some((from) => from.layer === node.layer))) {
    for (const node of nodes) if (node.item.port === "out") ++node.layer;
  }
}

/** Lines that pass layers get a bend in each; lines from one place share them. */
function bend(nodes, lines) {
  const layers = [];
  const put = (node, layer) => (layers[layer] ||= []).push(node);
  for (const node of [...nodes].sort((a, b) => a.item.order - b.item.order)) put(node, node.layer);
  for (let i = 0; i < layers.length; ++i) layers[i] ||= [];
  const join = (a, b, ax, bx, weight) => {
    a.below.push({to: b, own: ax, other: bx, weight});
    b.above.push({to: a, own: bx, other: ax, weight});
  };
  const chains = new Map();
  let bends = 0;
  const span = (line) => Math.abs(line.b.layer - line.a.layer);
  for (const line of [...lines].sort((x, y) => span(x) - span(y))) {
    const a = line.back ? line.b : line.a, b = line.back ? line.a : line.b;
    const ax = line.back ? line.bx : line.ax, bx = line.back ? line.ax : line.bx;
    if (!chains.has(a)) chains.set(a, new Map());
    const byStart = chains.get(a);
    if (!byStart.has(ax)) byStart.set(ax, []);
    const chain = byStart.get(ax);
    line.bends = [];
    const missing = b.layer - a.layer - 1 - chain.length;
    line.cut = missing > 0 && bends + missing > MOST_BENDS;
    if (line.cut) continue;
    while (a.layer + chain.length + 1 < b.layer) {
      const layer = a.layer + chain.length + 1;
      const dummy = {dummy: true, depth: -1, w: 0, h: 0, above: [], below: [], layer, x: 0};
      const above = chain.length ? chain[chain.length - 1] : a;
      join(above, dummy, chain.length ? 0 : ax, 0, chain.length ? 8 : 2);
      chain.push(dummy);
      put(dummy, layer);
      ++bends;
    }
    line.bends = chain.slice(0, b.layer - a.layer - 1);
    join(line.bends.length ? line.bends[line.bends.length - 1] : a, b, line.bends.length ? 0 : ax, bx,
         line.bends.length ? 2 : b.depth === a.depth + 1 ? 6 : 1);
  }
  return layers;
}

/** Few crossings: each layer in the order of the means of its neighbours, kept where that helps. */
function order(layers) {
  const count = layers.reduce((sum, layer) => sum + layer.length, 0);
  const number = () => { for (const layer of layers) layer.forEach((node, i) => { node.at = i; }); };
  number();
  const keep = () => layers.map((layer) => [...layer]);
  const judged = count < 6000;
  let best = keep(), fewest = judged ? crossings(layers) : 0;
  const sweeps = count < 1500 ? 12 : count < 6000 ? 8 : 4;
  for (let sweep = 0; sweep < sweeps && (!judged || fewest > 0); ++sweep) {
    const down = sweep % 2 === 0;
    for (let k = 1; k < layers.length; ++k) {
      const layer = layers[down ? k : layers.length - 1 - k];
      for (const node of layer) {
        const others = down ? node.above : node.below;
        let sum = 0;
        for (const {to, other} of others) sum += to.at + (to.w > 0 ? other / to.w : .5);
        node.mean = others.length ? sum / others.length : node.at + .5;
      }
      layer.sort((a, b) => a.mean - b.mean || a.at - b.at);
      layer.forEach((node, i) => { node.at = i; });
    }
    if (!judged) continue;
    const now = crossings(layers);
    if (now < fewest) {
      fewest = now;
      best = keep();
    }
  }
  if (judged) layers.forEach((layer, i) => layer.splice(0, layer.length, ...best[i]));
  number();
}

/** By counting inversions in a tree of sums. */
function crossings(layers) {
  let total = 0;
  for (let i = 0; i + 1 < layers.length; ++i) {
    const ends = [];
    for (const node of layers[i]) {
      for (const at of node.below.map(({to}) => to.at).sort((a, b) => a - b)) ends.push(at);
    }
    const size = layers[i + 1].length, sums = new Int32Array(size + 1);
    for (let k = 0; k < ends.length; ++k) {
      for (let at = ends[k] + 1; at > 0; at -= at & -at) total -= sums[at];
      total += k;
      for (let at = ends[k] + 1; at <= size; at += at & -at) ++sums[at];
    }
  }
  return total;
}

/** Columns: each layer as near to its neighbours as its order allows, in turns. */
function setColumns(layers) {
  for (const layer of layers) {
    let x = 0;
    for (const node of layer) {
      node.x = x;
      x += node.w + GAP_X;
    }
    for (const node of layer) node.x -= x / 2;
  }
  const wish = (node, others) => {
    let sum = 0, weight = 0;
    for (const {to, own, other, weight: w} of others) {
      sum += w * (to.x + other - own);
      weight += w;
    }
    return weight ? [sum / weight, weight] : [node.x, 0.01];
  };
  // First below the longest way that leads to each, so that what is long is straight.
  for (const layer of layers) {
    settle(layer, layer.map((node) => wish(node, node.above.filter(({to}) => to === longest(node)))));
  }
  const count = layers.reduce((sum, layer) => sum + layer.length, 0);
  const sweeps = count < 1500 ? 60 : count < 6000 ? 30 : 12;
  straighten(layers);
  for (let sweep = 0; sweep < sweeps; ++sweep) {
    for (let k = 0; k < layers.length; ++k) {
      const layer = layers[sweep % 2 === 0 ? layers.length - 1 - k : k];
      settle(layer, layer.map((node) => wish(node, node.above.concat(node.below))));
    }
    straighten(layers);
  }
  let left = Infinity, right = -Infinity;
  for (const layer of layers) {
    for (const node of layer) {
      left = Math.min(left, node.x);
      right = Math.max(right, node.x + node.w);
    }
  }
  for (const layer of layers) for (const node of layer) node.x -= left;
  return right - left;
}

/** Turns in ever the same direction add up: moves layers as a whole to where lines are shortest. */
function straighten(layers) {
  const shifts = layers.map((layer) => {
    let sum = 0, total = 0;
    for (const node of layer) {
      for (const {to, own, other, weight} of node.above) {
        sum += weight * (to.x + other - node.x - own);
        total += weight;
      }
    }
    return total ? sum / total : 0;
  });
  let shift = 0;
  layers.forEach((layer, i) => {
    shift += shifts[i];
    for (const node of layer) node.x += shift;
  });
}

const longest = (node) => node.above.reduce((best, {to}) => (best && best.depth >= to.depth ? best : to), null);

/** The least sum of squares that keeps the order and the gaps: neighbours that collide are pooled. */
function settle(layer, wishes) {
  const offsets = [];
  let offset = 0;
  layer.forEach((node, i) => {
    offsets.push(offset);
    const next = layer[i + 1];
    offset += node.w + (next && (node.dummy || next.dummy) ? GAP_X * .6 : GAP_X);
  });
  const blocks = [];  // [sum, weight, count]
  wishes.forEach(([x, weight], i) => {
    blocks.push([(x - offsets[i]) * weight, weight, 1]);
    while (blocks.length > 1) {
      const last = blocks[blocks.length - 1], before = blocks[blocks.length - 2];
      if (before[0] / before[1] < last[0] / last[1]) break;
      blocks.pop();
      before[0] += last[0];
      before[1] += last[1];
      before[2] += last[2];
    }
  });
  let i = 0;
  for (const [sum, weight, count] of blocks) {
    for (let k = 0; k < count; ++k, ++i) layer[i].x = sum / weight + offsets[i];
  }
}

/** Rows: more room where lines run far to the side. */
function setRows(layers) {
  let y = 0;
  layers.forEach((layer, i) => {
    const room = Math.max(0, ...layer.map((node) => node.h));
    let reach = 0;
    for (const node of layer) {
      node.top = y;
      node.room = room;
      node.y = y + (room - node.h) / 2;
      for (const {to, own, other} of node.below) reach = Math.max(reach, Math.abs(node.x + own - to.x - other));
    }
    const bare = room === 0 || (layers[i + 1] || []).every((node) => node.h === 0);
    y += room;
    if (i + 1 < layers.length) y += (bare ? GAP_Y * .6 : GAP_Y) + Math.min(60, reach * .06);
  });
  return y;
}
