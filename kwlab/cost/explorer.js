// The view of kwlab.cost.explorer. A move replaces the picture and the sentence, and never the
// sliders. While the functions answer fast they follow a drag; a slow answer waits for its end.

const FAST_MILLISECONDS = 300;

function render({ model, el }) {
  const { controls, sliders } = model.get("fixed");
  const root = element(el, "div", "kwcost-widget");
  const group = element(root, "div", "kwcost-sliders");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", controls);

  const isAnswered = ({ go }, state) => sliders.every(({ name }) => go[name] === state[name]);
  const { ask, answered } = questions(model, isAnswered);
  let askedAt = null;
  let isFast = true;
  const places = new Map();

  function move() {
    const go = Object.fromEntries(
      sliders.map(({ name }) => [name, Number(places.get(name).slider.value)]),
    );
    askedAt ??= performance.now();
    ask({ go });
  }

  for (const { name, label, min, max } of sliders) {
    const row = element(group, "label", "kwcost-row");
    element(row, "span", "kwcost-label").textContent = label;
    const slider = range(row, `kwcost-slider kwcost-${name}`, { label, min, max });
    const value = element(row, "span", "kwcost-value");
    places.set(name, { slider, value });
    slider.addEventListener("input", () => {
      value.textContent = slider.value;
      if (isFast) move();
    });
    slider.addEventListener("change", move);
  }

  const stage = element(element(root, "div", "kwcost-scroll"), "div", "kwcost-stage");
  const sentence = status(root, "kwcost-sentence");

  function show() {
    const state = model.get("state");
    stage.innerHTML = state.picture;
    write(sentence, state.lines);
    if (askedAt !== null) isFast = performance.now() - askedAt < FAST_MILLISECONDS;
    askedAt = null;
    const isSettled = answered();
    for (const [name, { slider, value }] of places) {
      // A drag that goes on is ahead of what is shown.
      if (isSettled && !slider.matches(":active")) {
        slider.value = state[name];
        value.textContent = state[name];
      }
    }
  }

  model.on("change:state", show);
  show();
  return () => model.off("change:state", show);
}

export default { render };
