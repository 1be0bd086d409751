// What is new in the song: its notes in a colour, and a tint behind its bars.

const NOTE_PARTS = ["StandardNotationNoteHead", "StandardNotationAccidentals", "StandardNotationEffects", "GuitarTabFretNumber", "GuitarTabEffects", "Effects"];
const BEAT_PARTS = ["StandardNotationStem", "StandardNotationFlags", "StandardNotationBeams", "StandardNotationRests", "StandardNotationTuplet", "GuitarTabStem", "GuitarTabFlags", "GuitarTabBeams", "GuitarTabRests", "GuitarTabTuplet"];

function styleOf(kind, names, parts, colour) {
  const style = new kind();
  for (const part of parts) {
    style.colors.set(names[part], colour);
  }
  return style;
}

/** Gives the notes of the marked bars a colour and takes it from all others; says how many bars it found. */
export function colourNotes(score, tracks, bars, hex) {
  const model = alphaTab.model;
  const colour = model.Color.fromJson(hex);
  const ofNotes = styleOf(model.NoteStyle, model.NoteSubElement, NOTE_PARTS, colour);
  const ofBeats = styleOf(model.BeatStyle, model.BeatSubElement, BEAT_PARTS, colour);
  let found = 0;
  for (const track of score.tracks) {
    for (const bar of track.staves.flatMap((staff) => staff.bars)) {
      const marked = tracks.has(track.index) && bars.has(bar.index);
      found += marked ? 1 : 0;
      for (const beat of bar.voices.flatMap((voice) => voice.beats)) {
        paint(beat, marked ? ofBeats : undefined);
        for (const note of beat.notes) {
          paint(note, marked ? ofNotes : undefined);
        }
      }
    }
  }
  return found;
}

const ours = new WeakSet();

function paint(element, style) {
  if (style) {
    ours.add(element);
    element.style = style;
  } else if (ours.delete(element)) {
    element.style = undefined; // a colour that the file itself gave stays
  }
}

/** Draws a tint behind the marked bars of the marked tracks, one for each run of them in a line. */
export function tintBars(layer, lookup, tracks, bars) {
  const tints = [];
  for (const system of lookup?.staffSystems ?? []) {
    for (const index of tracks) {
      tints.push(...runs(system, index, bars));
    }
  }
  layer.replaceChildren(
    ...tints.map((box) => {
      const tint = document.createElement("div");
      Object.assign(tint.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.right - box.left}px`, height: `${box.bottom - box.top}px` });
      return tint;
    }),
  );
  return tints.length;
}

function runs(system, track, bars) {
  const found = [];
  let last = null;
  for (const master of system.bars) {
    // Where alphaTab draws in a worker, only the beats know what they belong to.
    const boxes = master.bars.filter((one) => one.beats[0]?.beat.voice.bar.staff.track.index === track).map((one) => one.visualBounds);
    if (!boxes.length || !bars.has(master.index)) {
      last = null;
      continue;
    }
    const top = Math.min(...boxes.map((box) => box.y));
    const bottom = Math.max(...boxes.map((box) => box.y + box.h));
    const { x, w } = master.visualBounds;
    if (last) {
      Object.assign(last, { right: x + w, top: Math.min(last.top, top), bottom: Math.max(last.bottom, bottom) });
    } else {
      last = { left: x, right: x + w, top, bottom };
      found.push(last);
    }
  }
  return found;
}
