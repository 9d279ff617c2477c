// The drawing: a canvas that is panned and zoomed, and draws no more than what is in sight.
// Invariant: knows parts, links and colours; what they mean is the page's.
"use strict";

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
const MONO = 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace';
const FONTS = {title: `600 13px ${FONT}`, line: `11px ${MONO}`, group: `600 12px ${FONT}`, note: `11px ${FONT}`};

class Picture {
  /** `on` has hover(part), choose(part) and toggle(group). */
  constructor(canvas, on) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.on = on;
    this.view = {x: 0, y: 0, scale: 1};
    this.widths = new Map();
    this.root = {parts: [], w: 1, h: 1};
    this.links = [];
    this.edges = [];
    this.chosen = this.hovered = null;
    this.style = () => ({});
    this.listen();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  // ---- What is drawn ----

  width(text, font) {
    const key = font + text;
    if (!this.widths.has(key)) {
      this.context.font = FONTS[font];
      this.widths.set(key, this.context.measureText(text).width);
    }
    return this.widths.get(key);
  }

  /** Sets w and h of what is drawn as a box. */
  measure(part) {
    const lines = Math.max(0, ...part.lines.map((line) => this.width(line, "line")));
    part.w = Math.ceil(Math.max(56, this.width(part.title, "title") + (part.parts ? 18 : 0), lines)) + 24;
    part.h = 14 + 17 + part.lines.length * 15;
    if (part.parts) part.least = this.width(part.title, "group") + this.width(part.note || "", "note") + 64;
  }

  show(root, drawing, style) {
    Object.assign(this, {root, links: drawing.links, edges: drawing.edges, style});
    for (const link of this.links) {
      const xs = link.points.map((point) => point[0]), ys = link.points.map((point) => point[1]);
      link.box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
      link.path = pathOf(link.points);
    }
    this.repaint();
  }

  // ---- Where one looks ----

  resize() {
    const ratio = window.devicePixelRatio || 1, box = this.canvas.getBoundingClientRect();
    const width = Math.max(1, Math.round(box.width * ratio)), height = Math.max(1, Math.round(box.height * ratio));
    if (this.room && this.canvas.width === width && this.canvas.height === height) return;
    Object.assign(this.canvas, {width, height});  // which empties it: painted at once, it does not flicker
    Object.assign(this, {ratio, room: {w: box.width, h: box.height}});
    this.paint();
  }

  fit() {
    const {w, h} = this.room;
    const scale = Math.min(1.1, .94 * w / Math.max(1, this.root.w), .92 * h / Math.max(1, this.root.h));
    this.look(this.root.w / 2, this.root.h / 2, scale);
  }

  /** Like `fit`, but legible: from the top where the whole would be too small. */
  begin() {
    this.fit();
    if (this.view.scale >= .45) return;
    const scale = Math.max(this.view.scale, Math.min(.8, .94 * this.room.w / this.root.w));
    this.look(this.root.w / 2, this.room.h / 2 / scale - 24 / scale, scale);
  }

  look(x, y, scale) {
    this.view = {scale, x: this.room.w / 2 - x * scale, y: this.room.h / 2 - y * scale};
    this.repaint();
  }

  centre(part) {
    const scale = Math.max(this.view.scale, .7);
    this.look(part.x + part.w / 2, part.y + Math.min(part.h, this.room.h / scale) / 2, scale);
  }

  zoom(factor, x = this.room.w / 2, y = this.room.h / 2) {
    const view = this.view, scale = Math.min(4, Math.max(.01, view.scale * factor));
    this.view = {scale, x: x - (x - view.x) * scale / view.scale, y: y - (y - view.y) * scale / view.scale};
    this.repaint();
  }

  pan(dx, dy) {
    this.view.x += dx;
    this.view.y += dy;
    this.repaint();
  }

  part(x, y) {
    const px = (x - this.view.x) / this.view.scale, py = (y - this.view.y) / this.view.scale;
    const inside = (part) => px >= part.x && px <= part.x + part.w && py >= part.y && py <= part.y + part.h;
    let found = null;
    for (let group = this.root; group;) {
      const hit = group.parts.find(inside);
      if (hit) found = hit;
      group = hit && hit.parts && hit.open ? hit : null;
    }
    return found && {part: found, header: found.parts && py <= found.y + HEADER};
  }

  listen() {
    const canvas = this.canvas, fingers = new Map();
    let moved = 0;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return {x: event.clientX - box.left, y: event.clientY - box.top};
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, at(event));
      moved = fingers.size > 1 ? Infinity : 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = at(event), before = fingers.get(event.pointerId);
      if (!before) {
        const hit = this.part(now.x, now.y), part = hit && hit.part;
        if (part !== this.hovered) {
          this.hovered = part;
          this.on.hover(part);
          this.repaint();
        }
        canvas.style.cursor = part ? "pointer" : "grab";
        return;
      }
      if (fingers.size === 2) {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const spread = (p) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
        this.zoom(spread(now) / spread(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
        this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
      } else {
        moved += Math.hypot(now.x - before.x, now.y - before.y);
        if (moved > 4) this.pan(now.x - before.x, now.y - before.y);
      }
      fingers.set(event.pointerId, now);
    });
    const up = (event) => {
      const down = fingers.delete(event.pointerId);
      if (!down || moved > 4 || event.type !== "pointerup") return;
      const now = at(event), hit = this.part(now.x, now.y);
      if (hit && hit.header && hit.part.open) this.on.toggle(hit.part);
      else this.on.choose(hit && hit.part);
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("dblclick", (event) => {
      const {x, y} = at(event), hit = this.part(x, y);
      if (hit && hit.part.parts && !hit.part.open) this.on.toggle(hit.part);
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const {x, y} = at(event);
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? .05 : .0016)), x, y);
    }, {passive: false});
  }

  // ---- Painting ----

  repaint() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const context = this.context, {x, y, scale} = this.view;
    const css = getComputedStyle(document.documentElement);
    this.ink = {};
    for (const name of ["paper", "text", "muted", "line", "accent", "frame", "badge"])
      this.ink[name] = css.getPropertyValue("--" + name).trim();
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = this.ink.paper;
    context.fillRect(0, 0, this.room.w, this.room.h);
    context.setTransform(this.ratio * scale, 0, 0, this.ratio * scale, this.ratio * x, this.ratio * y);
    this.sight = [-x / scale, -y / scale, (this.room.w - x) / scale, (this.room.h - y) / scale];
    this.near = new Set();
    if (this.chosen) {
      for (const edge of this.edges) {
        if (edge.from === this.chosen || edge.to === this.chosen) {
          this.near.add(edge.from === this.chosen ? edge.to : edge.from);
        }
      }
    }
    this.frames(this.root);
    this.lines();
    this.boxes(this.root);
  }

  seen(x0, y0, x1, y1) {
    const [left, top, right, bottom] = this.sight;
    return x1 >= left && x0 <= right && y1 >= top && y0 <= bottom;
  }

  frames(group) {
    const context = this.context;
    for (const part of group.parts) {
      if (!part.parts || !part.open || !this.seen(part.x, part.y, part.x + part.w, part.y + part.h)) continue;
      const style = this.style(part);
      context.beginPath();
      context.roundRect(part.x, part.y, part.w, part.h, 12);
      context.fillStyle = style.wash || this.ink.frame;
      context.fill();
      context.lineWidth = part === this.chosen ? 2.5 : 1;
      context.strokeStyle = part === this.chosen ? this.ink.accent : style.stroke || this.ink.line;
      context.stroke();
      this.frames(part);
    }
  }

  lines() {
    const context = this.context, far = this.view.scale < .2;
    const stroke = (links, colour, width, alpha) => {
      context.strokeStyle = context.fillStyle = colour;
      context.globalAlpha = alpha;
      context.lineWidth = width;
      const all = new Path2D();
      for (const link of links) {
        if (!this.seen(link.box[0] - 20, link.box[1], link.box[2] + 20, link.box[3])) continue;
        all.addPath(link.path);
        if (!far && !link.to.port && !link.toPort) arrow(context, link);
      }
      context.stroke(all);
      context.globalAlpha = 1;
    };
    const width = Math.max(1.1, .8 / this.view.scale);
    const chosen = this.chosen;
    stroke(this.links.filter((link) => !link.faint), this.ink.line, width, chosen ? .45 : 1);
    stroke(this.links.filter((link) => link.faint), this.ink.line, width, .25);
    if (!chosen) return;
    const of = (edges) => edges.flatMap((edge) => edge.links);
    stroke(of(this.edges.filter((edge) => edge.to === chosen)), this.style(null).into, Math.max(2, 1.6 / this.view.scale), 1);
    stroke(of(this.edges.filter((edge) => edge.from === chosen)), this.style(null).outof, Math.max(2, 1.6 / this.view.scale), 1);
  }

  boxes(group) {
    for (const part of group.parts) {
      if (!this.seen(part.x, part.y, part.x + part.w, part.y + part.h)) continue;
      if (part.parts && part.open) {
        this.header(part);
        this.boxes(part);
      } else {
        this.box(part);
      }
    }
  }

  header(group) {
    const context = this.context, style = this.style(group);
    if (this.view.scale < .3) return;
    context.font = FONTS.group;
    context.textBaseline = "middle";
    const room = this.width(group.title, "group") + (group.note ? this.width(group.note, "note") + 8 : 0);
    context.globalAlpha = .88;  // lines may pass behind
    context.fillStyle = style.wash || this.ink.frame;
    context.beginPath();
    context.roundRect(group.x + 6, group.y + 4, room + 26, 20, 6);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = style.text || this.ink.muted;
    chevron(context, group.x + 15, group.y + 14, true);
    context.fillText(group.title, group.x + 26, group.y + 14);
    if (!group.note) return;
    const start = group.x + 34 + this.width(group.title, "group");
    context.font = FONTS.note;
    context.globalAlpha = .8;
    context.fillText(group.note, start, group.y + 14.5);
    context.globalAlpha = 1;
  }

  box(part) {
    const context = this.context, style = this.style(part), scale = this.view.scale;
    const dim = this.chosen && part !== this.chosen && !this.near.has(part) && part !== this.hovered;
    context.globalAlpha = dim ? .55 : 1;
    const radius = style.round ? part.h / 2 : 8;
    if (part.parts && scale > .15) {  // a closed group is a stack
      context.beginPath();
      context.roundRect(part.x + 5, part.y + 5, part.w, part.h, radius);
      context.fillStyle = style.fill;
      context.fill();
      context.lineWidth = 1;
      context.strokeStyle = style.stroke;
      context.stroke();
    }
    context.beginPath();
    context.roundRect(part.x, part.y, part.w, part.h, radius);
    context.fillStyle = style.fill;
    context.fill();
    const marked = part === this.chosen || part === this.hovered;
    context.lineWidth = part === this.chosen ? 2.5 : part.strong ? 2 : 1.2;
    if (style.dashed) context.setLineDash([5, 4]);
    context.strokeStyle = marked ? this.ink.accent : style.stroke;
    context.stroke();
    context.setLineDash([]);
    if (part.found) {
      context.lineWidth = 5;
      context.strokeStyle = this.ink.accent;
      context.globalAlpha = .35;
      context.stroke();
      context.globalAlpha = dim ? .55 : 1;
    }
    if (scale >= .3) this.words(part, style);
    else if (part.w * scale > 60 && scale >= .16) this.title(part, style, 26);
    context.globalAlpha = 1;
  }

  title(part, style, size) {
    const context = this.context;
    context.font = `600 ${size}px ${FONT}`;
    context.textBaseline = "middle";
    context.textAlign = "center";
    context.fillStyle = style.text;
    context.fillText(part.title, part.x + part.w / 2, part.y + part.h / 2, part.w - 12);
    context.textAlign = "left";
  }

  words(part, style) {
    const context = this.context, middle = part.x + part.w / 2;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = FONTS.title;
    context.fillStyle = style.text;
    const y = part.y + 7 + 9;
    if (part.parts) chevron(context, middle - this.width(part.title, "title") / 2 - 9, y, false);
    context.fillText(part.title, middle + (part.parts ? 4 : 0), y);
    context.font = FONTS.line;
    context.fillStyle = style.soft;
    part.lines.forEach((line, i) => context.fillText(line, middle, y + 17 + i * 15));
    context.textAlign = "left";
  }
}

/** Upright where it leaves and arrives. */
function pathOf(points) {
  const path = new Path2D();
  path.moveTo(points[0][0], points[0][1]);
  for (let i = 1; i < points.length; ++i) {
    const [x0, y0] = points[i - 1], [x1, y1] = points[i];
    if (Math.abs(x0 - x1) < .5) {
      path.lineTo(x1, y1);
    } else {
      const bend = (y1 - y0) / 2;
      path.bezierCurveTo(x0, y0 + bend, x1, y1 - bend, x1, y1);
    }
  }
  return path;
}

function arrow(context, link) {
  const points = link.back ? [...link.points].reverse() : link.points;
  const [x, y] = points[points.length - 1], down = link.back ? -1 : 1;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x - 3.6, y - 7 * down);
  context.lineTo(x + 3.6, y - 7 * down);
  context.fill();
}

function chevron(context, x, y, open) {
  context.beginPath();
  if (open) {
    context.moveTo(x - 4, y - 2.5);
    context.lineTo(x + 4, y - 2.5);
    context.lineTo(x, y + 3);
  } else {
    context.moveTo(x - 2.5, y - 4);
    context.lineTo(x - 2.5, y + 4);
    context.lineTo(x + 3, y);
  }
  context.fill();
}
