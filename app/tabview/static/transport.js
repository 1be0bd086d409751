// The buttons of the player: play, start, loop, speed, metronome; and where it is.

const find = (id) => document.getElementById(id);

function clock(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Index in the score of the bar that is played at a tick. */
function barAt(api, tick) {
  const found = api.tickCache?.masterBars.find((bar) => bar.start <= tick && tick < bar.end);
  return found?.masterBar.index ?? 0;
}

/** Ticks of a run of bars, as they are played first; null before the player knows them. */
function ticksOf(api, first, last) {
  const played = api.tickCache?.masterBars ?? [];
  const start = played.find((bar) => bar.masterBar.index === first);
  const end = played.find((bar) => bar.masterBar.index === last && bar.start >= (start?.start ?? 0));
  return start && end ? { startTick: start.start, endTick: end.end } : null;
}

export class Transport {
  /** onPlaced : called once a song when the player stands where the new bars begin. */
  constructor(api, onPlaced) {
    this.api = api;
    this.onPlaced = onPlaced;
    this.ready = this.placed = false;
    this.asked = null; // what range we set ourselves, so that its echo is not taken for the user's
    find("play").addEventListener("click", () => api.playPause());
    find("start").addEventListener("click", () => this.toStart());
    find("loop").addEventListener("click", () => this.loop(!this.looping));
    find("speed").addEventListener("change", (event) => (api.playbackSpeed = Number(event.target.value)));
    find("click").addEventListener("click", () => this.metronome());
    for (const id of ["from", "to"]) {
      find(id).addEventListener("change", () => this.rangeTyped(id));
    }
    document.addEventListener("keydown", (event) => this.key(event));
    api.playerReady.on(() => this.playable());
    api.playerStateChanged.on((state) => this.state(state.state === 1));
    api.playerPositionChanged.on((now) => this.moved(now));
    api.playbackRangeChanged.on((now) => this.dragged(now.playbackRange));
  }

  get looping() {
    return find("loop").getAttribute("aria-pressed") === "true";
  }

  /** A new song, of so many bars; the loop is offered for those from `first` to `last`. */
  song(bars, first, last) {
    this.ready = this.placed = false;
    this.bars = bars;
    this.first = first;
    for (const [id, value] of [["from", first + 1], ["to", last + 1]]) {
      find(id).max = String(bars);
      find(id).value = String(value);
    }
    find("loop").setAttribute("aria-pressed", "false");
    for (const id of ["play", "start", "loop", "click"]) {
      find(id).disabled = true;
    }
    find("place").textContent = "Loading the sound …";
  }

  playable() {
    this.ready = true;
    for (const id of ["play", "start", "loop", "click"]) {
      find(id).disabled = false;
    }
    this.api.isLooping = this.looping;
    this.api.playbackSpeed = Number(find("speed").value);
    document.documentElement.dataset.player = "ready";
    const range = this.first ? ticksOf(this.api, this.first, this.first) : null;
    if (!this.placed && range) {
      this.api.tickPosition = range.startTick; // what is new is heard first
      this.onPlaced();
    }
    this.placed = true;
    this.show(this.api.tickPosition, this.api.timePosition, this.api.endTime);
  }

  state(playing) {
    const button = find("play");
    button.classList.toggle("playing", playing);
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    document.documentElement.dataset.player = playing ? "playing" : this.ready ? "ready" : "loading";
  }

  moved(now) {
    this.show(now.currentTick, now.currentTime, now.endTime);
  }

  show(tick, time, end) {
    const bar = barAt(this.api, tick);
    find("place").textContent = `Bar ${bar + 1} of ${this.bars} · ${clock(time)} / ${clock(end)}`;
    document.documentElement.dataset.tick = String(Math.round(tick));
    document.documentElement.dataset.bar = String(bar + 1);
  }

  toStart() {
    this.api.tickPosition = this.looping ? (this.api.playbackRange?.startTick ?? 0) : 0;
    this.api.scrollToCursor();
  }

  loop(on) {
    const range = on ? ticksOf(this.api, Number(find("from").value) - 1, Number(find("to").value) - 1) : null;
    const looping = on && range !== null;
    find("loop").setAttribute("aria-pressed", String(looping));
    this.asked = range;
    this.api.isLooping = looping;
    this.api.playbackRange = range;
  }

  rangeTyped(id) {
    const [from, to] = [find("from"), find("to")];
    for (const input of [from, to]) {
      input.value = String(Math.min(this.bars, Math.max(1, Math.round(Number(input.value)) || 1)));
    }
    if (Number(from.value) > Number(to.value)) {
      (id === "from" ? to : from).value = find(id).value;
    }
    if (this.looping) {
      this.loop(true);
    }
  }

  /** Bars chosen by dragging over the score are the loop; a click on a beat ends it. */
  dragged(range) {
    if (range?.startTick === this.asked?.startTick && range?.endTick === this.asked?.endTick) {
      return;
    }
    this.asked = range;
    if (range) {
      find("from").value = String(barAt(this.api, range.startTick) + 1);
      find("to").value = String(barAt(this.api, range.endTick - 1) + 1);
    }
    this.api.isLooping = range !== null;
    find("loop").setAttribute("aria-pressed", String(range !== null));
  }

  metronome() {
    const on = find("click").getAttribute("aria-pressed") !== "true";
    find("click").setAttribute("aria-pressed", String(on));
    this.api.metronomeVolume = on ? 1 : 0;
  }

  /** Space plays and pauses, unless it is meant for a button or a field. */
  key(event) {
    if (event.key === " " && this.ready && !event.target.closest("button, input, select, summary")) {
      event.preventDefault();
      this.api.playPause();
    }
  }
}
