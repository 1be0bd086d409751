// One line for each track: whether it is shown, muted, or heard alone.

function button(text, label, pressed, act) {
  const made = document.createElement("button");
  made.textContent = text;
  made.title = label;
  made.setAttribute("aria-label", label);
  made.setAttribute("aria-pressed", String(pressed));
  made.addEventListener("click", () => {
    const now = made.getAttribute("aria-pressed") !== "true";
    if (act(now) !== false) {
      made.setAttribute("aria-pressed", String(now));
    }
  });
  return made;
}

/**
 * Fills `list` with the tracks of a song.
 *
 * shown, marked : sets of track indices; `shown` is changed with what the user chooses.
 * onShown : called after that.
 */
export function listTracks(list, api, { shown, marked, onShown }) {
  const lines = api.score.tracks.map((track) => {
    const name = track.name.trim() || `Track ${track.index + 1}`;
    const line = document.createElement("li");
    line.classList.toggle("fresh", marked.has(track.index));
    const see = button(name, `Show ${name}`, shown.has(track.index), (now) => {
      if (!now && shown.size === 1) {
        return false; // something has to be seen
      }
      now ? shown.add(track.index) : shown.delete(track.index);
      return onShown();
    });
    see.className = "name";
    const mute = button("M", `Mute ${name}`, false, (now) => api.changeTrackMute([track], now));
    mute.className = "mute";
    const solo = button("S", `Solo: hear ${name} alone`, false, (now) => api.changeTrackSolo([track], now));
    solo.className = "solo";
    line.append(see, mute, solo);
    return line;
  });
  list.replaceChildren(...lines);
}
