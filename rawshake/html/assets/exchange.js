// An exchange that was packed comes into the page when it is opened.

async function fill(details) {
  const number = details.dataset.exchange;
  if (number === undefined) return;
  delete details.dataset.exchange;
  const body = details.querySelector(".exchange-body");
  body.textContent = "Unpacking …";
  body.innerHTML = await unpack("exchanges", Number(number)); // made by rawshake, all that others wrote escaped
  enliven(body);
}

for (const details of document.querySelectorAll("details.exchange[data-exchange]")) {
  details.addEventListener("toggle", () => { if (details.open) fill(details); });
}
