// A song as tablature and notation in a page of Streamlit, with a player: alphaTab with our buttons round it.

import { colourNotes, tintBars } from "./marks.js";
import { listTracks } from "./mixer.js";
import { onRender, setHeight } from "./streamlit.js";
import { colours, paintPage, paintScore } from "./theme.js";
import { Transport } from "./transport.js";

const find = (id) => document.getElementById(id);
const root = document.documentElement;
const NARROW = 600; // pixels
let api = null;
let transport = null;
let now = null; // what is drawn: arguments, and the choices made since
let palette = null;

function settings(args) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const made = new alphaTab.Settings();
  made.core.scriptFile = new URL("alphatab/alphaTab.min.js", location.href).href;
  made.core.smuflFontSources = new Map([[alphaTab.FontFileFormat.Woff2, new URL("alphatab/font/Bravura.woff2", location.href).href]]);
  made.core.logLevel = alphaTab.LogLevel.Error;
  made.importer.encoding = args.encoding;
  made.display.scale = window.innerWidth < NARROW ? 0.75 : 0.9;
  made.display.padding = window.innerWidth < NARROW ? [4, 8] : [12, 12];
  made.player.playerMode = alphaTab.PlayerMode.EnabledSynthesizer;
  made.player.soundFont = new URL("alphatab/soundfont/sonivox.sf2", location.href).href;
  made.player.scrollElement = find("view");
  made.player.scrollOffsetY = -24;
  made.player.nativeBrowserSmoothScroll = !still;
  made.player.enableAnimatedBeatCursor = !still;
  paintScore(made.display.resources, palette);
  return made;
}

function create(args) {
  find("mixer").open = window.innerWidth >= NARROW;
  api = new alphaTab.AlphaTabApi(find("score"), settings(args));
  transport = new Transport(api, showFirstMark);
  window.addEventListener("pagehide", () => api.destroy());
  api.scoreLoaded.on(loaded);
  api.postRenderFinished.on(drawn);
  api.error.on((error) => fail(error));
}

function fail(error) {
  if (root.dataset.state === "shown") {
    return; // what is on the page stays; trouble of the player alone shows in its buttons
  }
  console.warn(error);
  root.dataset.state = "failed";
  find("message").textContent = "This song can't be shown as tablature; its notes are in the piano roll.";
  find("message").hidden = false;
  fit();
}

/** Staves as the user wants them; only what has strings can have a tab, and only that can do without notes. */
function chooseStaves(score) {
  const choice = find("staves").value;
  for (const staff of score.tracks.flatMap((track) => track.staves)) {
    const tab = staff.isStringed && !staff.isPercussion && now.fretted.get(staff);
    staff.showTablature = tab && choice !== "notes";
    staff.showStandardNotation = !tab || choice !== "tab";
  }
}

function loaded(score) {
  const { marked, bars } = now;
  now.coming = false;
  now.fretted = new Map(score.tracks.flatMap((track) => track.staves).map((staff) => [staff, staff.showTablature]));
  const existing = score.tracks.map((track) => track.index);
  now.shown = new Set(now.args.tracks.filter((index) => existing.includes(index)));
  if (!now.shown.size) {
    now.shown.add(score.tracks.find((track) => track.staves.some((staff) => staff.isStringed))?.index ?? 0);
  }
  chooseStaves(score);
  root.dataset.markedBars = String(colourNotes(score, marked, bars, palette.fresh));
  const [first, last] = firstRun([...bars].filter((bar) => bar < score.masterBars.length));
  transport.song(score.masterBars.length, first, last ?? score.masterBars.length - 1);
  // alphaTab settles what is shown after this; the list needs its score.
  queueMicrotask(() => listTracks(find("tracks"), api, { shown: now.shown, marked, onShown: redraw }));
}

/** First and last of the first bars that stand in a row. */
function firstRun(bars) {
  const sorted = bars.sort((a, b) => a - b);
  const end = sorted.findIndex((bar, at) => sorted[at + 1] !== bar + 1);
  return sorted.length ? [sorted[0], sorted[end]] : [0, null];
}

function redraw() {
  if (api?.score) {
    api.renderTracks(api.score.tracks.filter((track) => now.shown.has(track.index)));
  }
}

function drawn() {
  if (now.coming) {
    return; // this was still the song before
  }
  root.dataset.state = "shown";
  root.dataset.bars = String(new Set(api.boundsLookup?.staffSystems.flatMap((system) => system.bars.map((bar) => bar.index))).size);
  root.dataset.tints = String(tintBars(find("marks"), api.boundsLookup, [...now.marked].filter((index) => now.shown.has(index)), now.bars));
  fit();
  if (!now.seen) {
    now.seen = true;
    showFirstMark();
  }
}

/** Scrolls to what is new when a song comes up, unless it is in sight. */
function showFirstMark() {
  const tops = [...find("marks").children].map((tint) => tint.offsetTop);
  const top = Math.min(...tops);
  const view = find("view");
  if (tops.length && top > view.clientHeight / 2) {
    view.scrollTop = top - 48;
  }
}

/** The frame is as high as its content, the score no higher than what was asked for; beyond, it scrolls. */
function fit() {
  const above = find("view").offsetTop;
  const wanted = root.dataset.state === "shown" ? find("page").offsetHeight + 4 : 240;
  const most = Math.max(200, (now?.args.height ?? 560) - above);
  find("view").style.height = `${Math.min(wanted, most)}px`;
  setHeight(above + Math.min(wanted, most) + 2);
}

function draw(args, theme) {
  const before = now?.args;
  palette = colours(args.dark, theme);
  paintPage(palette, args.dark);
  const same = before && before.song === args.song && String(before.tracks) === String(args.tracks);
  const marked = String([before?.marked, before?.bars]) === String([args.marked, args.bars]);
  now = { ...now, args, marked: new Set(args.marked), bars: new Set(args.bars) };
  if (same && marked && before.dark === args.dark) {
    return;
  }
  if (!api) {
    create(args);
  }
  if (!same) {
    now.seen = false;
    now.coming = true;
    root.dataset.state = "loading";
    root.dataset.player = "loading";
    find("message").hidden = true;
    api.settings.importer.encoding = args.encoding;
  }
  paintScore(api.settings.display.resources, palette);
  api.updateSettings();
  if (!same) {
    api.load(new Uint8Array(args.data), args.tracks);
  } else if (api.score) {
    root.dataset.markedBars = String(colourNotes(api.score, now.marked, now.bars, palette.fresh));
    redraw();
  }
}

find("staves").addEventListener("change", () => {
  if (api?.score) {
    chooseStaves(api.score);
    redraw();
  }
});
find("mixer").addEventListener("toggle", fit);
new ResizeObserver(fit).observe(find("bar"));
new ResizeObserver(fit).observe(find("tracks"));
onRender(draw);
setHeight(300);
