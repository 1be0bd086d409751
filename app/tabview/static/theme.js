// Colours of the score, for light and dark pages; `fresh` is what the arranger wrote,
// `heard` what the player is at.

const LIGHT = { ink: "#222222", quiet: "#666666", line: "#a5a5ad", fresh: "#d6006c", heard: "#0b63c5", ground: "#ffffff" };
const DARK = { ink: "#eceff4", quiet: "#9aa3b2", line: "#5f6672", fresh: "#ff5fae", heard: "#58b0ff", ground: "#14161a" };

/** The colours for a page; what Streamlit says of its own ground and text is taken over. */
export function colours(dark, theme) {
  const chosen = dark ? DARK : LIGHT;
  const ground = theme?.base === (dark ? "dark" : "light") ? theme.backgroundColor : null;
  return { ...chosen, ground: ground ?? chosen.ground };
}

/** Colours for the buttons, as properties of style sheets. */
export function paintPage(palette, dark) {
  const root = document.documentElement;
  root.dataset.theme = dark ? "dark" : "light";
  for (const [name, value] of Object.entries(palette)) {
    root.style.setProperty(`--${name}`, value);
  }
}

/** Colours for alphaTab's drawing. */
export function paintScore(resources, palette) {
  const colour = (hex) => alphaTab.model.Color.fromJson(hex);
  resources.mainGlyphColor = colour(palette.ink);
  resources.secondaryGlyphColor = colour(palette.quiet);
  resources.scoreInfoColor = colour(palette.ink);
  resources.staffLineColor = colour(palette.line);
  resources.barSeparatorColor = colour(palette.line);
  resources.barNumberColor = colour(palette.quiet);
}
