/** Colors that people of every color vision tell apart: viridis, and blue to red through white. */
const VIRIDIS = stops('440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725');
const DIVERGING = stops('053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f');

function stops(list) {
  return list.split(' ').map(hex => [0, 2, 4].map(i => parseInt(hex.slice(i, i + 2), 16)));
}

/** The color at a fraction of a ramp, as red, green and blue. */
function color(ramp, fraction) {
  const at = Math.min(1, Math.max(0, fraction)) * (ramp.length - 1);
  const i = Math.min(ramp.length - 2, Math.floor(at));
  return ramp[i].map((c, k) => Math.round(c + (at - i) * (ramp[i + 1][k] - c)));
}

function css([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}

/** Black or white, whichever is easier to read on a color: relative luminance as WCAG has it. */
function ink(rgb) {
  const [r, g, b] = rgb.map(c => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000' : '#fff';
}

/** Colors a node's ground, and its text so that it can be read. */
function paint(node, rgb) {
  node.style.background = css(rgb);
  node.style.color = ink(rgb);
}

/** Maps values to colors: {ramp, low, high, of(value)}. */
function scaleOf(kind, values, low, high) {
  const present = values.filter(v => v !== null);
  let least = low ?? present.reduce((a, b) => Math.min(a, b), Infinity);
  let greatest = high ?? present.reduce((a, b) => Math.max(a, b), -Infinity);
  if (kind === 'DIVERGING') {
    greatest = Math.max(Math.abs(least), Math.abs(greatest));
    least = -greatest;
  }
  const place = kind === 'LOGARITHMIC' ? Math.log : v => v;
  const span = place(greatest) - place(least) || 1;
  const ramp = kind === 'DIVERGING' ? DIVERGING : VIRIDIS;
  return {
    ramp,
    low: least,
    high: greatest,
    of: value => color(ramp, (place(value) - place(least)) / span),
  };
}

/** A ramp with the values of its ends. */
function legend(scale) {
  const ramp = element('span', { class: 'ramp', 'aria-hidden': 'true' });
  ramp.style.background = `linear-gradient(to right, ${scale.ramp.map(css).join(', ')})`;
  return element('span', { class: 'legend' }, written(scale.low), ramp, written(scale.high));
}
