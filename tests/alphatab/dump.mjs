// What alphaTab, an independent reader, finds in Guitar Pro files: one JSON document a file on stdout, in the order of
// the arguments. tests/alphatab_oracle.py describes it. Run: node dump.mjs FILE...
import { readFileSync, writeSync } from "node:fs";
import * as alphaTab from "@coderline/alphatab";

const { model, midi } = alphaTab;
const TICKS_PER_QUARTER = 960;

// Fields that say how a note or a beat is played, with the value that says nothing.
const NOTE_FIELDS = {
  accentuated: 0, bendType: 0, bendStyle: 0, harmonicType: 0, harmonicValue: 0, isGhost: false, isLetRing: false,
  isPalmMute: false, isDead: false, isStaccato: false, isHammerPullOrigin: false, isLeftHandTapped: false,
  isSlurDestination: false, slideInType: 0, slideOutType: 0, vibrato: 0, leftHandFinger: -2, rightHandFinger: -2,
  trillValue: -1, durationPercent: 1, ornament: 0, showStringNumber: false,
};
const BEAT_FIELDS = {
  whammyBarType: 0, whammyStyle: 0, ottava: 2, isLegatoOrigin: false, fade: 0, pop: false, slap: false, tap: false,
  slashed: false, deadSlapped: false, brushType: 0, brushDuration: 0, vibrato: 0, pickStroke: 0, crescendo: 0,
  golpe: 0, wahPedal: 0, barreFret: -1, barreShape: 0, rasgueado: 0, text: null, timer: null,
};

function played(owner, fields, prefix) {
  const found = [];
  for (const [field, nothing] of Object.entries(fields)) {
    const value = owner[field] ?? null;
    if (value !== nothing && !(value === null || value === "")) found.push(`${prefix}${field}=${value}`);
  }
  return found;
}

function points(list) {
  return list?.length ? list.map((point) => `${point.offset}:${point.value}`).join(" ") : "";
}

function techniques(note) {
  const beat = note.beat;
  const found = [...played(note, NOTE_FIELDS, ""), ...played(beat, BEAT_FIELDS, "beat.")];
  if (note.hasBend) found.push(`bend=${points(note.bendPoints)}`);
  if (beat.hasWhammyBar) found.push(`beat.whammy=${points(beat.whammyBarPoints)}`);
  if (beat.tremoloPicking) found.push(`beat.tremolo=${beat.tremoloPicking.marks}`);
  if (beat.chordId) found.push(`beat.chord=${beat.chord?.name}`); // ids of chords are made up anew each time
  if (beat.fermata) found.push(`beat.fermata=${beat.fermata.type}`);
  if (beat.lyrics?.some((line) => line)) found.push(`beat.lyrics=${beat.lyrics.join("|")}`);
  return found.sort();
}

class Listener {
  // Takes the keys of notes from alphaTab's generator, because its table of drums is not open to others.
  key = null;
  addNote(_track, _start, _length, key) { this.key = key; }
  addTimeSignature() {}
  addRest() {}
  addControlChange() {}
  addProgramChange() {}
  addTempo() {}
  addNoteBend() {}
  addBend() {}
  finishTrack() {}
  addTickShift() {}
}

function drumKeys(score, settings) {
  const listener = new Listener();
  const generator = new midi.MidiFileGenerator(score, settings, listener);
  const known = new Map();
  return (note) => {
    const place = `${note.beat.voice.bar.staff.track.index}/${note.percussionArticulation}`;
    if (!known.has(place)) {
      listener.key = null;
      generator.generateSingleNote(note);
      if (listener.key === null) return note.percussionArticulation;
      known.set(place, listener.key);
    }
    return known.get(place);
  };
}

function trackNotes(track, drumKey) {
  const notes = [];
  for (const staff of track.staves)
    for (const bar of staff.bars)
      for (const voice of bar.voices)
        for (const beat of voice.beats)
          for (const note of beat.notes) {
            const strings = staff.tuning.length;
            notes.push([
              staff.index, bar.index, voice.index, beat.absolutePlaybackStart, beat.playbackDuration,
              note.isStringed ? strings - note.string + 1 : null, note.isStringed ? note.fret : null,
              note.isPercussion ? drumKey(note) : note.realValueWithoutHarmonic,
              note.isTieDestination, beat.graceType, note.dynamics, techniques(note),
            ]);
          }
  return notes;
}

function playingOrder(score, settings) {
  const generator = new midi.MidiFileGenerator(score, settings, new Listener());
  generator.generate();
  return generator.tickLookup.masterBars.map((lookup) => lookup.masterBar.index);
}

function describe(path) {
  const settings = new alphaTab.Settings();
  if (/\.gp[345]$/i.test(path)) settings.importer.encoding = "windows-1252";
  const score = alphaTab.importer.ScoreLoader.loadScoreFromBytes(new Uint8Array(readFileSync(path)), settings);
  const drumKey = drumKeys(score, settings);
  return {
    bars: score.masterBars.length,
    order: playingOrder(score, settings),
    title: score.title,
    masterBars: score.masterBars.map((bar) => ({
      start: bar.start,
      length: bar.calculateDuration(),
      metre: [bar.timeSignatureNumerator, bar.timeSignatureDenominator],
      tempos: bar.tempoAutomations.map((change) => [change.ratioPosition, change.value, change.isLinear]),
      feel: bar.tripletFeel,
      section: bar.section ? [bar.section.marker, bar.section.text] : null,
    })),
    tracks: score.tracks.map((track) => ({
      name: track.name,
      percussion: track.staves.some((staff) => staff.isPercussion),
      program: track.playbackInfo.program,
      channel: track.playbackInfo.primaryChannel,
      tunings: track.staves.map((staff) => [...staff.tuning]),
      capo: track.staves.map((staff) => staff.capo),
      notes: trackNotes(track, drumKey),
    })),
  };
}

alphaTab.Logger.logLevel = alphaTab.LogLevel.None;
if (midi.MidiUtils && midi.MidiUtils.QuarterTime !== TICKS_PER_QUARTER) throw new Error("a quarter has other ticks");
for (const path of process.argv.slice(2)) {
  let line = { file: path, error: null, bars: 0, order: [], tracks: [] };
  try {
    line = { ...line, ...describe(path) };
  } catch (err) {
    line.error = `${err}`;
  }
  // Not console.log: a pipe takes it in parts, and what is left at the end would be lost.
  const text = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let at = 0; at < text.length; ) {
    try {
      at += writeSync(1, text, at);
    } catch (err) {
      if (err.code !== "EAGAIN") throw err;
    }
  }
}
