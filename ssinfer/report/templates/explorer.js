"use strict";
// The formulas of ssinfer.thresholds.planning.scenario for normal errors; the page is complete without this script.
const settings = document.getElementById("settings"), inputs = [...settings.querySelectorAll("input")];
const study = JSON.parse(settings.dataset.model), said = document.getElementById("settings-said");
const heads = [...document.querySelectorAll("#explorer thead th")].map((head) => head.textContent);
const rows = [...document.querySelectorAll("#explorer tbody tr")].map((row) => [...row.cells]);

const density = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);

// The normal distribution function without a table of coefficients: Marsaglia's power series (2004, Journal of
// Statistical Software 11(4)), whose terms have one sign, and below -4 Laplace's continued fraction, from its 80th term.
function probability(x) {
  if (x > 4) return 1 - probability(-x);
  if (x < -4) {
    let tail = 0;
    for (let i = 80; i; i--) tail = i / (tail - x);
    return density(x) / (tail - x);
  }
  let term = x, sum = x;
  for (let i = 3; Math.abs(term) > 1e-18; i += 2) sum += term *= x * x / i;
  return 0.5 + density(x) * sum;
}

// Newton steps from 0, which no step passes beyond the solution: the function is concave above 0, convex below.
function quantile(p) {
  let x = 0;
  for (let i = 0; i < 30; i++) x -= (probability(x) - p) / density(x);
  return x;
}

// Variance, over that of a single shock, of weighted baseline less mean performance of an AR(1) shock.
function shockVariance(years) {
  const contrast = [...Array(study.baseline).fill(1 / study.baseline), ...Array(years).fill(-1 / years)];
  const product = (a, i) => contrast.reduce((sum, b, j) => sum + a * b * study.persistence ** Math.abs(i - j), 0);
  return contrast.reduce((sum, a, i) => sum + product(a, i), 0);
}

function schedule(n) {
  const after = study.knots.findIndex(([count]) => count > n);
  if (after < 0) return study.knots.at(-1)[1];
  const [[n0, r0], [n1, r1]] = study.knots.slice(after - 1, after + 1);
  return r0 + (r1 - r0) * (n - n0) / (n1 - n0);
}

function outcomes({ insured, years, level, saving }) {
  const sampling = study.k / Math.sqrt(insured) * Math.sqrt((1 / years + 1 / study.baseline) / (1 + 1 / study.baseline));
  const error = Math.hypot(sampling, study.shock_sd * Math.sqrt(shockVariance(years) / shockVariance(1)));
  const z = quantile(study.two_sided ? (1 + level) / 2 : level);
  return [z * error, z * sampling, schedule(insured), 0].map((threshold) => {
    const paid = (rate) => probability((rate - threshold) / error);
    const bonus = saving * paid(saving) + error * density((saving - threshold) / error);
    return [threshold, paid(0), paid(saving), study.share * bonus];
  });
}

function print(value, decimals) {
  const text = value.toFixed(decimals), [whole, part] = text.replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, study.marks[0]);
  return (Number(text) < 0 ? "\u2212" : "") + (part ? grouped + study.marks[1] + part : grouped);
}

// Sizes have two digits: 90 steps per factor of ten. The first position of a slider stands for the study's own value.
const size = (position) => (10 + position % 90) * 10 ** Math.floor(position / 90);

function update() {
  const setting = {};
  for (const input of inputs) {
    const { own, per, unit, decimals } = input.dataset, moved = input.value !== input.defaultValue;
    const value = moved ? (+per ? input.value / per : size(+input.value)) : +own;
    setting[input.name] = value;
    const text = print(unit ? 100 * value : value, +decimals) + unit;
    input.parentElement.querySelector("output").textContent = text;
    input.setAttribute("aria-valuetext", text);
  }
  outcomes(setting).forEach((rates, i) => rates.forEach((rate, j) => {
    rows[i][j + 1].textContent = print(100 * rate, j < 3 ? 1 : 2);
  }));
}

for (const input of inputs) {
  input.hidden = false;
  input.addEventListener("input", update);
  input.addEventListener("change", () => {
    said.textContent = rows[0].map((cell, i) => `${heads[i]} ${cell.textContent}`).join("; ");
  });
}
update();
