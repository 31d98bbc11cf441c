/* Follows what goes on: swaps in the parts that have changed, and loads the page anew at the end. */
(() => {
  const { follow } = document.currentScript.dataset;
  const status = document.querySelector("[role=status]");
  const parts = (page) => [...page.querySelectorAll("[data-live]")];
  /* Pictures get new ids each time they are drawn. */
  const plain = (part) => part.innerHTML.replace(/fml-\w+-\d+/g, "");
  const last = new Map(parts(document).map((part) => [part.dataset.live, plain(part)]));
  const swap = (now) => {
    const name = now.dataset.live;
    const then = document.querySelector(`[data-live="${name}"]`);
    /* Nobody is interrupted who types. */
    if (last.get(name) === plain(now) || then.querySelector("[data-filter]:focus")) return;
    last.set(name, plain(now));
    const focus = then.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const typed = then.querySelector("[data-filter]")?.value;
    const chosen = [...then.querySelectorAll("input:checked")].map((box) => box.value);
    const left = [...then.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
    for (const box of now.querySelectorAll("input")) box.checked = chosen.includes(box.value);
    then.replaceWith(now);
    if (focus) now.querySelector(`[href="${CSS.escape(focus)}"]`)?.focus();
    const filter = typed && now.querySelector("[data-filter]");
    if (filter) {
      filter.value = typed;
      filter.dispatchEvent(new Event("input", { bubbles: true }));
    }
    now.querySelectorAll(".scroll").forEach((box, place) => { box.scrollLeft = left[place] ?? 0; });
  };
  const look = async () => {
    let wait = 1500;
    if (!document.hidden) {
      try {
        const answer = await fetch(follow);
        if (answer.status === 204) return location.reload();
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (answer.ok) parts(page).forEach(swap);
        status.textContent = "followed live";
      } catch {
        status.textContent = "fluentml ui does not answer";
        wait = 5000;
      }
    }
    setTimeout(look, wait);
  };
  setTimeout(look, 1500);
})();
