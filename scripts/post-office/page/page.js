// Looks for new mails every now and then, and puts them on top. What is there already stays as it is, so
// that an opened mail stays open.

const PAUSE_MS = 2_000;

const list = document.querySelector("#mails");
const news = document.querySelector("#news");
/** What the list was last made of. */
let tag = "";

/** Shows times as the reader's clock has them. */
function tellTimes() {
  for (const time of document.querySelectorAll("time")) time.textContent = new Date(time.dateTime).toLocaleString();
}

async function look() {
  const response = await fetch("/", { cache: "no-store", headers: tag === "" ? {} : { "If-None-Match": tag } });
  if (response.status === 304) return;
  if (!response.ok) throw new Error(`the post office answers ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const wanted = [...fresh.querySelectorAll("#mails > article")];
  const shown = document.querySelectorAll("#mails > article");
  const known = new Set([...shown].map(({ id }) => id));
  const added = wanted.filter(({ id }) => !known.has(id));
  const ids = new Set(wanted.map(({ id }) => id));
  for (const article of shown) if (!ids.has(article.id)) article.remove();
  list?.prepend(...added);
  tellTimes();
  if (added.length > 0 && tag !== "" && news) news.textContent = added.length === 1 ? "A new mail came." : `${added.length} new mails came.`;
  tag = response.headers.get("ETag") ?? "";
}

async function keepLooking() {
  let lost = false;
  for (;;) {
    try {
      if (!document.hidden) {
        await look();
        if (lost && news) news.textContent = "The post office answers again.";
        lost = false;
      }
    } catch {
      if (!lost && news) news.textContent = "The post office does not answer. Has npm start ended? This page keeps trying.";
      lost = true;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS);
    });
  }
}

tellTimes();
document.querySelector("details")?.setAttribute("open", "");
void keepLooking();
