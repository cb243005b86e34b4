/** Saves a file. content: a string or a Blob. */
export function download(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  element('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Returns the text of the style sheets of the page. */
export async function styles() {
  const sheets = await Promise.all([...document.styleSheets].map(async ({ href }) => (await fetch(href)).text()));
  return sheets.join('\n');
}

/** Returns a drawing with its style, as an SVG file in the colors of the page. */
export async function svgOf(drawing) {
  const copy = drawing.cloneNode(true);
  copy.setAttribute('xmlns', SVG);
  const scheme = getComputedStyle(drawing).colorScheme;
  const isDark = scheme === 'dark' || (scheme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  copy.style.colorScheme = isDark ? 'dark' : 'light';
  copy.style.background = 'var(--ground)';
  copy.prepend(drawn('style', {}, await styles()));
  return new XMLSerializer().serializeToString(copy);
}

/** Returns a drawing or canvas as a PNG file. A drawing gets twice its size on the page. */
export async function pngOf(picture) {
  const canvas = picture instanceof HTMLCanvasElement ? picture : await painted(picture);
  return new Promise((resolve, reject) =>
    canvas.toBlob(blob => (blob ? resolve(blob) : reject(new Error('The picture is too large for PNG.'))), 'image/png'),
  );
}

async function painted(drawing) {
  const url = URL.createObjectURL(new Blob([await svgOf(drawing)], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = element('canvas', { width: 2 * image.width, height: 2 * image.height });
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
  } finally {
    URL.revokeObjectURL(url);
  }
}
