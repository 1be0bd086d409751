// Copies the files of alphaTab that the browser loads from node_modules into static/alphatab.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const from = join(here, "node_modules", "@coderline", "alphatab");
const to = join(here, "static", "alphatab");
const files = {
  "dist/alphaTab.min.js": "alphaTab.min.js",
  "dist/font/Bravura.woff2": "font/Bravura.woff2",
  "dist/font/Bravura-OFL.txt": "font/Bravura-OFL.txt",
  "dist/soundfont/sonivox.sf2": "soundfont/sonivox.sf2",
  "dist/soundfont/LICENSE": "soundfont/LICENSE",
  LICENSE: "LICENSE",
};

rmSync(to, { recursive: true, force: true });
for (const [source, target] of Object.entries(files)) {
  mkdirSync(dirname(join(to, target)), { recursive: true });
  copyFileSync(join(from, source), join(to, target));
}
console.log(`alphaTab is in ${to}`);
