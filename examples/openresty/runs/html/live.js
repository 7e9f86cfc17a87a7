// Shows a run while it goes on: as long as the page is marked as live, fetches it again and puts
// the new content in place of the old. The server has escaped all of it.
const SECOND = 1000;

async function refresh() {
  const main = document.querySelector("main");
  if (!main.dataset.live) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("main");
    if (answer.ok && next) main.replaceWith(document.adoptNode(next));
  } catch (error) { /* the server is away: the next turn may reach it */ }
  setTimeout(refresh, SECOND);
}

setTimeout(refresh, SECOND);
