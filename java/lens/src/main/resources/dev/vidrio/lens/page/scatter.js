/** Points with two measures as axes; arrow keys go from point to point along the horizontal axis. */
function drawScatter(view) {
  const width = 640;
  const height = 440;
  const margin = { left: 64, right: 12, top: 12, bottom: 40 };
  const canvas = element('canvas', { class: 'scatter', width, height, tabindex: '0', role: 'img' });
  const status = element('p', { class: 'note', role: 'status' });
  const chosen = [0, 1];
  let points = [];
  let marked = -1;

  const range = values => {
    const present = values.filter(value => value !== null);
    const low = present.reduce((a, b) => Math.min(a, b), Infinity);
    const high = present.reduce((a, b) => Math.max(a, b), -Infinity);
    return high > low ? { low, high } : { low: low - 1, high: low + 1 };
  };
  const lines = i => [view.labels[i], ...view.measures.filter(m => m.values[i] !== null).map(m => `${m.name}: ${written(m.values[i])}`)];

  const draw = () => {
    const [x, y] = chosen.map(k => view.measures[k]);
    const [xs, ys] = [range(x.values), range(y.values)];
    const style = getComputedStyle(canvas);
    const [inkColor, faint, point] = ['--ink', '--line', '--negative'].map(name => style.getPropertyValue(name));
    const context = canvas.getContext('2d');
    context.clearRect(0, 0, width, height);
    context.strokeStyle = faint;
    context.strokeRect(margin.left, margin.top, width - margin.left - margin.right, height - margin.top - margin.bottom);
    context.fillStyle = inkColor;
    context.font = '12px system-ui, sans-serif';
    context.textAlign = 'left';
    context.fillText(written(xs.low), margin.left, height - 22);
    context.textAlign = 'right';
    context.fillText(written(xs.high), width - margin.right, height - 22);
    context.fillText(written(ys.low), margin.left - 6, height - margin.bottom);
    context.fillText(written(ys.high), margin.left - 6, margin.top + 10);
    context.textAlign = 'center';
    context.fillText(x.name, (margin.left + width) / 2, height - 8);
    context.save();
    context.translate(14, (height - margin.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(y.name, 0, 0);
    context.restore();
    points = [];
    view.labels.forEach((label, i) => {
      if (x.values[i] !== null && y.values[i] !== null) {
        points.push({
          i,
          x: margin.left + ((x.values[i] - xs.low) / (xs.high - xs.low)) * (width - margin.left - margin.right),
          y: height - margin.bottom - ((y.values[i] - ys.low) / (ys.high - ys.low)) * (height - margin.top - margin.bottom),
        });
      }
    });
    points.sort((a, b) => a.x - b.x || a.i - b.i);
    context.fillStyle = point;
    context.globalAlpha = points.length > 2000 ? 0.35 : 0.8;
    points.forEach(p => context.fillRect(p.x - 1.5, p.y - 1.5, 3, 3));
    context.globalAlpha = 1;
    if (marked >= 0 && points[marked]) {
      context.strokeStyle = inkColor;
      context.strokeRect(points[marked].x - 5, points[marked].y - 5, 10, 10);
    }
    canvas.setAttribute('aria-label', `${view.title}: ${y.name} by ${x.name}, ${points.length} points`);
  };
  const mark = at => {
    marked = at;
    draw();
    status.textContent = at >= 0 && points[at] ? lines(points[at].i).join(', ') : '';
  };
  const nearest = event => {
    const box = canvas.getBoundingClientRect();
    const px = ((event.clientX - box.left) * width) / box.width;
    const py = ((event.clientY - box.top) * height) / box.height;
    let best = -1;
    let least = 144;
    points.forEach((p, at) => {
      const distance = (p.x - px) ** 2 + (p.y - py) ** 2;
      if (distance < least) {
        least = distance;
        best = at;
      }
    });
    return best;
  };
  canvas.addEventListener('mousemove', event => {
    const at = nearest(event);
    if (at < 0) {
      hideTip();
    } else {
      showTip(lines(points[at].i), event.clientX, event.clientY);
    }
  });
  canvas.addEventListener('mouseleave', hideTip);
  canvas.addEventListener('click', event => mark(nearest(event)));
  canvas.addEventListener('keydown', event => {
    const next = { ArrowRight: marked + 1, ArrowLeft: marked - 1, Home: 0, End: points.length - 1 }[event.key];
    if (next >= 0 && next < points.length) {
      event.preventDefault();
      mark(next);
    }
  });
  const choice = axis => {
    const select = element('select', {
      change: () => {
        chosen[axis] = select.selectedIndex;
        mark(-1);
      },
    });
    view.measures.forEach(measure => select.append(element('option', {}, measure.name)));
    select.selectedIndex = chosen[axis];
    return element('label', {}, axis === 0 ? 'Horizontal: ' : 'Vertical: ', select);
  };
  // Colors are those of the document, which the canvas belongs to only later.
  requestAnimationFrame(draw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  return [element('div', { class: 'controls' }, choice(0), choice(1)), scrolling(view.title, false, canvas), status];
}
