// The page that shows the mails. Whatever a mail holds is text here: nothing of it becomes markup, but for
// its HTML version, which has a frame and a policy of its own.

/** @typedef {import("./mail.mjs").Mail} Mail */

/** Scripts, styles and frames are this server's; nothing comes from elsewhere. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; " +
  "form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/**
 * For the HTML version of a mail: no script, nothing loaded, an origin of its own even when it is opened by
 * itself. Its links may open pages, which are then as free as any.
 */
export const MAIL_POLICY =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
  "form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

const ESCAPES = /** @type {Record<string, string>} */ ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" });

/** @param {string} text */
export function escape(text) {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}

/**
 * The text with its addresses made links.
 * @param {string} text
 */
export function linkify(text) {
  let html = "";
  let end = 0;
  // A full stop or a bracket after an address belongs to the sentence around it.
  for (const { 0: address, index } of text.matchAll(/https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]]/g)) {
    html += escape(text.slice(end, index));
    html += `<a href="${escape(address)}" target="_blank" rel="noopener noreferrer">${escape(address)}</a>`;
    end = index + address.length;
  }
  return html + escape(text.slice(end));
}

/**
 * The page with all mails, newest first.
 * @param {readonly Mail[]} mails
 */
export function renderPage(mails) {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Kith: mails on this machine</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/page.css">
    <script type="module" src="/page.js"></script>
  </head>
  <body>
    <header>
      <h1>Mails on this machine</h1>
      <p>What Kith has sent here, newest first. None of it has left the machine.</p>
      <p id="news" role="status"></p>
      <noscript><p>Without JavaScript, reload this page to see new mails.</p></noscript>
    </header>
    <main id="mails">
${mails.map(renderMail).join("")}    </main>
    <p id="nothing">No mail yet. Register somebody, and one comes.</p>
  </body>
</html>
`;
}

/** @param {Mail} mail */
function renderMail(mail) {
  const { id, subject, from, to, text, html, headers } = mail;
  const details = [["From", from], ["To", to.join(", ")], ...Object.entries(headers)];
  const list = details.map(([name = "", value = ""]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`).join("");
  const frame = `<iframe title="The HTML version" src="/emails/${escape(id)}/html" sandbox="allow-popups allow-popups-to-escape-sandbox" loading="lazy"></iframe>`;
  return `      <article id="mail-${escape(id)}">
        <details>
          <summary><strong>${escape(subject || "(no subject)")}</strong> <span>${escape(to.join(", "))}</span> <time datetime="${escape(mail.received_at)}">${escape(mail.received_at)}</time></summary>
          <dl>${list}</dl>
          <h3>Text</h3>
          <pre>${linkify(text)}</pre>
          <h3>HTML</h3>
          ${html === null ? "<p>It has none.</p>" : frame}
        </details>
      </article>
`;
}

/**
 * The HTML version of a mail, for its frame, where a link would otherwise open.
 * @param {string} html
 */
export function renderFrame(html) {
  return `<!doctype html><meta charset="utf-8"><base target="_blank">${html}`;
}
