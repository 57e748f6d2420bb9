// The rates and bonuses of ssinfer.thresholds.planning.scenario, of which a position of a slider holds the parts.
const settings = document.getElementById("settings"), inputs = [...settings.querySelectorAll("input")];
const { share, marks } = settings.dataset, rows = [...document.querySelectorAll("#explorer tr")].map((row) => [...row.cells]);
const density = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
// The normal distribution function without a table of coefficients: Marsaglia's power series (2004, Journal of
// Statistical Software 11(4)), whose terms have one sign, and below -4 Laplace's continued fraction from its 80th term.
function probability(x) {
  if (x > 4) return 1 - probability(-x);
  let tail = 0, term = x, sum = x;
  for (let i = 80; i && x < -4; i--) tail = i / (tail - x);
  if (x < -4) return density(x) / (tail - x);
  for (let i = 3; Math.abs(term) > 1e-18; i += 2) sum += term *= x * x / i;
  return 0.5 + density(x) * sum;
}

function print(value, decimals) {
  const [whole, part] = value.toFixed(decimals).replace("-", "\u2212").split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, marks[0]) + marks[1] + part;
}

function update() {
  const [[insured, schedule], [, sampling, shock], [, z], [saving]] = inputs.map((input) => {
    const [value, text, ...parts] = JSON.parse(input.dataset.positions)[input.value];
    input.parentElement.querySelector("output").textContent = text;
    input.setAttribute("aria-valuetext", text);
    return [value, ...parts];
  });
  const noise = sampling / Math.sqrt(insured), error = Math.hypot(noise, shock);
  [z * error, z * noise, schedule, 0].forEach((threshold, i) => {
    const [paid, found] = [0, saving].map((rate) => probability((rate - threshold) / error));
    const bonus = share * (saving * found + error * density((saving - threshold) / error));
    [threshold, paid, found].forEach((rate, j) => { rows[i + 1][j + 1].textContent = print(100 * rate, 1); });
    rows[i + 1][4].textContent = print(100 * bonus, 2);
  });
}

for (const input of inputs) {
  input.hidden = false;
  input.addEventListener("input", update);
  input.addEventListener("change", () => {
    settings.lastElementChild.textContent = rows[1].map((cell, i) => `${rows[0][i].textContent} ${cell.textContent}`).join("; ");
  });
}
update();
