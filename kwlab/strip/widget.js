// The view of kwlab.strip.widget: what is drawn is a function of the model's state. The picture
// is put in once; a step replaces the overlay and the sentence, and never what has the focus.

const SUPPRESS = "lmSuppressShortcuts"; // R, M and X of JupyterLab do not reach a cell from here.

function element(parent, tag, className) {
  const made = document.createElement(tag);
  made.className = className;
  parent.appendChild(made);
  return made;
}

function render({ model, el }) {
  const root = element(el, "div", "kwstrip-widget");
  const scroll = element(root, "div", "kwstrip-scroll");
  const stage = element(scroll, "div", "kwstrip-stage");
  element(stage, "div", "kwstrip-picture").innerHTML = model.get("picture");
  const overlay = element(stage, "div", "kwstrip-overlay");
  const words = model.get("words");

  const buttons = element(root, "div", "kwstrip-buttons");
  buttons.setAttribute("role", "group");
  buttons.setAttribute("aria-label", words.controls);
  for (const { name, label, disabled } of model.get("buttons")) {
    const button = element(buttons, "button", `jupyter-button kwstrip-${name}`);
    button.type = "button";
    button.textContent = label;
    button.disabled = disabled;
    button.dataset[SUPPRESS] = "true";
    button.addEventListener("click", () => model.send({ press: name }));
  }

  const slider = element(root, "input", "kwstrip-slider");
  Object.assign(slider, { type: "range", min: 1, max: model.get("stops"), step: 1 });
  slider.setAttribute("aria-label", words.slider);
  slider.dataset[SUPPRESS] = "true";

  // One question at a time: while an answer is awaited, only the newest place is kept.
  let asked = null;
  let wanted = null;
  function ask(place) {
    if (asked !== null) {
      wanted = place;
      return;
    }
    asked = place;
    model.send({ go: place });
  }
  slider.addEventListener("input", () => ask(Number(slider.value)));

  const sentence = element(root, "div", "kwstrip-sentence");
  sentence.setAttribute("role", "status");
  sentence.setAttribute("aria-live", "polite");

  function show() {
    const state = model.get("state");
    overlay.innerHTML = state.overlay;
    sentence.replaceChildren(
      ...state.lines.map((line) => {
        const made = document.createElement("div");
        made.textContent = line;
        return made;
      }),
    );
    asked = null;
    if (wanted !== null) {
      const place = wanted;
      wanted = null;
      if (place !== state.place) ask(place);
    } else {
      slider.value = state.place;
    }
    slider.setAttribute("aria-valuetext", state.place_text);
  }

  model.on("change:state", show);
  show();
  return () => model.off("change:state", show);
}

export default { render };
