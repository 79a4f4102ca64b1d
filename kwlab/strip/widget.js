// The view of kwlab.strip.widget: what is drawn is a function of the model's state. The picture
// is put in once; a step replaces the overlay and the sentence, and never what has the focus.

function render({ model, el }) {
  const { picture, words, buttons, stops, tables } = model.get("fixed");
  const root = element(el, "div", "kwstrip-widget");
  escapes(root);
  element(root, "div", "kwstrip-hint").textContent = words.hint;
  const scroll = keepKeys(element(root, "div", "kwstrip-scroll"));
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", words.scroll);
  const stage = element(scroll, "div", "kwstrip-stage");
  element(stage, "div", "kwstrip-picture").innerHTML = picture;
  const overlay = element(stage, "div", "kwstrip-overlay");

  const group = element(root, "div", "kwstrip-buttons");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", words.controls);
  for (const { name, label, disabled } of buttons) {
    const button = keepKeys(element(group, "button", `jupyter-button kwstrip-${name}`));
    button.type = "button";
    button.textContent = label;
    button.disabled = disabled;
    button.addEventListener("click", () => model.send({ press: name, turn: model.get("state").turn }));
  }

  const slider = range(root, "kwstrip-slider", { label: words.slider, min: 1, max: stops });
  const { ask, answered } = questions(model, ({ go }, { place }) => go === place);
  slider.addEventListener("input", () => ask({ go: Number(slider.value) }));

  const sentence = status(root, "kwstrip-sentence");
  folded(root, words.tables, tables);

  function show() {
    const state = model.get("state");
    overlay.innerHTML = state.overlay;
    write(sentence, state.lines);
    if (answered()) slider.value = state.place;
    slider.setAttribute("aria-valuetext", state.place_text);
  }

  model.on("change:state", show);
  show();
  return () => model.off("change:state", show);
}

// The same facts, for who reads tables.
function folded(parent, title, tables) {
  const fold = keepKeys(element(parent, "details", "kwstrip-tables jp-RenderedHTMLCommon"));
  fold.innerHTML = tables;
  const summary = keepKeys(document.createElement("summary"));
  summary.textContent = title;
  fold.prepend(summary);
}

// Escape gives the focus back to the cell, so that nobody has to go through all controls again.
function escapes(root) {
  root.addEventListener("keydown", (event) => {
    const cell = event.key === "Escape" ? root.closest(".jp-Cell") : null;
    if (cell) {
      event.stopPropagation();
      cell.focus();
    }
  });
}

export default { render };
