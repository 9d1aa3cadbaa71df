"use strict";
const shown = JSON.parse(document.getElementById("films").textContent);
const listeners = [];  // called with the number of the time that is to be shown

(() => {
  const slider = document.getElementById("slider");
  if (!slider) return;
  const range = document.getElementById("time"), play = document.getElementById("play"), now = document.getElementById("now");
  const images = [...document.querySelectorAll("[data-panel]")];
  const show = () => {
    const index = Number(range.value);
    for (const image of images) image.src = shown.panels[image.dataset.panel][index];
    now.textContent = shown.times[index];
    range.setAttribute("aria-valuetext", shown.times[index]);
    for (const listener of listeners) listener(index);
  };
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.setAttribute("aria-pressed", "false");
    play.firstElementChild.textContent = "▶";
  };
  range.addEventListener("input", () => { stop(); show(); });
  play.addEventListener("click", () => {
    if (timer !== null) return stop();
    play.setAttribute("aria-pressed", "true");
    play.firstElementChild.textContent = "❚❚";
    timer = setInterval(() => {
      range.value = (Number(range.value) + 1) % shown.times.length;
      show();
    }, Math.max(120, 4000 / shown.times.length));
  });
  slider.hidden = false;
})();
