// What the views of kwlab share; kwlab.view puts it in front of each.

function element(parent, tag, className) {
  const made = document.createElement(tag);
  made.className = className;
  parent.appendChild(made);
  return made;
}

// R, M and X of JupyterLab do not reach a cell from here.
function keepKeys(control) {
  control.dataset.lmSuppressShortcuts = "true";
  return control;
}

function range(parent, className, { label, min, max }) {
  const slider = keepKeys(element(parent, "input", className));
  Object.assign(slider, { type: "range", min, max, step: 1 });
  slider.setAttribute("aria-label", label);
  return slider;
}

function status(parent, className) {
  const made = element(parent, "div", className);
  made.setAttribute("role", "status");
  made.setAttribute("aria-live", "polite");
  return made;
}

function write(target, lines) {
  target.replaceChildren(
    ...lines.map((line) => {
      const made = document.createElement("div");
      made.textContent = line;
      return made;
    }),
  );
}

// One question at a time: while an answer is awaited, only the newest question is kept. What the
// state already answers is not asked: the state would not change, and no answer would come. What
// was asked for before code moved the state is out of date: a turn tells which came first.
function questions(model, isAnswered) {
  let isAsked = false;
  let wanted = null;
  function send(question) {
    if (!isAnswered(question, model.get("state"))) {
      isAsked = true;
      model.send(question);
    }
  }
  function ask(question) {
    const asked = { ...question, turn: model.get("state").turn };
    if (isAsked) wanted = asked;
    else send(asked);
  }
  // Whether nothing newer is wanted, so that controls may go where the state is.
  function answered() {
    isAsked = false;
    const next = wanted?.turn === model.get("state").turn ? wanted : null;
    wanted = null;
    if (next !== null) send(next);
    return next === null;
  }
  return { ask, answered };
}

