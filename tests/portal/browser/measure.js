// Functions the browser tests run inside a page. They only look.

const INTERACTIVE = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=slider], [tabindex]:not([tabindex="-1"])';
const SMALLEST_PX = 24; // WCAG 2.2, 2.5.8

function named(element) {
  const words = (element.innerText || element.getAttribute('aria-label') || element.name || '').trim();
  const id = element.id ? '#' + element.id : '';
  return `${element.tagName.toLowerCase()}${id} "${words.replace(/\s+/g, ' ').slice(0, 40)}"`;
}

// Whether somebody can point at it: drawn, and not scrolled out of a box of its own.
function inSight(element) {
  if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
  const box = element.getBoundingClientRect();
  if (box.width < 2 || box.height < 2 || box.right <= 0 || box.bottom + scrollY <= 0) return false;
  for (let around = element.parentElement; around; around = around.parentElement) {
    const style = getComputedStyle(around);
    if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
    const frame = around.getBoundingClientRect();
    if (box.right < frame.left || box.left > frame.right || box.bottom < frame.top || box.top > frame.bottom) return false;
  }
  return true;
}

// Bars that stay while the page scrolls beneath them lie over it by intent.
function floats(element) {
  for (let each = element; each; each = each.parentElement) {
    if (['fixed', 'sticky'].includes(getComputedStyle(each).position)) return true;
  }
  return false;
}

function targets() {
  return [...document.querySelectorAll(INTERACTIVE)].filter(inSight);
}

// What a press meets: for a box or radio button with a label around or for it, both.
function boxOf(element) {
  const box = element.getBoundingClientRect();
  const label = ['checkbox', 'radio'].includes(element.type) && element.labels && element.labels[0];
  if (!label) return box;
  const other = label.getBoundingClientRect();
  const left = Math.min(box.left, other.left), top = Math.min(box.top, other.top);
  return new DOMRect(left, top, Math.max(box.right, other.right) - left, Math.max(box.bottom, other.bottom) - top);
}

function overlap(a, b) {
  return [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
}

// Pairs of controls that share more than a pixel of ground.
function overlaps() {
  const all = targets().filter((each) => !floats(each));
  const found = [];
  all.forEach((one, at) => {
    for (const other of all.slice(at + 1)) {
      if (one.contains(other) || other.contains(one)) continue;
      const [width, height] = overlap(one.getBoundingClientRect(), other.getBoundingClientRect());
      if (width > 1 && height > 1) found.push(`${named(one)} over ${named(other)} by ${width.toFixed(0)} x ${height.toFixed(0)} px`);
    }
  });
  return found;
}

// A link inside a sentence is as high as its line (the exception of 2.5.8).
function inSentence(element) {
  if (getComputedStyle(element).display !== 'inline') return false;
  const around = element.closest('p, li, dd, td, small, span, label, caption, h1, h2, h3');
  return !!around && around.innerText.trim().length > element.innerText.trim().length;
}

// Controls smaller than 24 px with another control so near that a circle of 24 px around each would meet it.
function tooSmall() {
  const all = targets();
  const boxes = new Map(all.map((each) => [each, boxOf(each)]));
  const small = (each) => boxes.get(each).width < SMALLEST_PX - 0.5 || boxes.get(each).height < SMALLEST_PX - 0.5;
  const middle = (box) => [box.left + box.width / 2, box.top + box.height / 2];
  const crowded = (each) => all.some((other) => {
    if (other === each || other.contains(each) || each.contains(other)) return false;
    const [x, y] = middle(boxes.get(each)), box = boxes.get(other);
    const [ox, oy] = small(other) ? middle(box) : [Math.max(box.left, Math.min(x, box.right)), Math.max(box.top, Math.min(y, box.bottom))];
    return Math.hypot(x - ox, y - oy) < (small(other) ? SMALLEST_PX : SMALLEST_PX / 2);
  });
  return all.filter((each) => small(each) && !inSentence(each) && crowded(each)).map((each) => {
    const box = boxes.get(each);
    return `${named(each)} ${box.width.toFixed(0)} x ${box.height.toFixed(0)} px`;
  });
}

// How many px the document is wider than the window, and what sticks out.
function tooWide() {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide <= 0) return [];
  const out = [...document.body.querySelectorAll('*')].filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
  return [`${wide} px too wide`, ...out.slice(0, 3).map(named)];
}

// Where the keyboard is, and whether one can see it: `null` on the page itself.
function focused() {
  const at = document.activeElement;
  if (!at || at === document.body || at === document.documentElement) return null;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== 'none';
  const shown = box.bottom > 0 && box.top < innerHeight && box.width > 0;
  const top = document.elementFromPoint(Math.max(1, box.left + box.width / 2), Math.min(innerHeight - 1, Math.max(1, box.top + box.height / 2)));
  const free = !!top && (top === at || at.contains(top) || top.contains(at));
  return { name: named(at), ring, shown, free };
}
