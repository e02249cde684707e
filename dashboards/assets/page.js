/* What pages do in the browser beside showing what they are sent. The address is the only state. */

(function () {
    "use strict";

    const SAID_AFTER = 200; // milliseconds, until a browser watches the place
    const LOOKS_FOR_A_NEW_RELEASE_EVERY = 60000; // milliseconds

    /* Other pages are fetched and take the place of this one: a load of its own would start Plotly anew with each.
       What is not a page of the same scripts, such as the login, is left to the browser. */
    const here = () => window.location.pathname + window.location.search;
    const assets = (page) => [...page.head.querySelectorAll("script, [rel=stylesheet]")].map((one) => one.src ?? one.href);
    let shown = here();
    let turn = 0;

    async function fetched(address) {
        const answer = await fetch(address);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (String(assets(page)) !== String(assets(document))) throw new Error("another kind of page");
        return page;
    }

    async function show() {
        const mine = ++turn;
        shown = here();
        document.body.ariaBusy = "true";
        const page = await fetched(shown).catch(() => null);
        if (mine !== turn) return false;
        if (!page) return window.location.reload();
        document.title = page.title;
        document.body.replaceWith(page.body);
        document.dispatchEvent(new Event("shown"));
        window.performance.mark("shown");
        return true;
    }

    async function go(address, focused) {
        window.history.pushState({}, "", address);
        if (!(await show())) return;
        const anchor = document.getElementById(window.location.hash.slice(1));
        if (anchor) {
            anchor.tabIndex = -1;
            anchor.scrollIntoView();
        } else {
            window.scrollTo(0, 0);
        }
        (anchor ?? document.querySelector(focused))?.focus({ preventScroll: true });
    }

    function follow(event) {
        const link = event.target.closest("a[href^='/']:not([download], [data-action])");
        if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        if (link.pathname + link.search === here()) return;
        event.preventDefault();
        go(link.href, "h1");
    }

    /* A filter was chosen: it becomes part of the address. Whoever chooses by keyboard goes on where they were. */
    function choose(select) {
        const query = new URLSearchParams(window.location.search);
        if (select.value) {
            query.delete(select.dataset.excludes);
            query.set(select.name, select.value);
        } else {
            query.delete(select.name);
        }
        const said = query.toString().replace(/%3A/g, ":");
        go(window.location.pathname + (said ? "?" + said : ""), `select[name=${select.name}]`);
    }

    /* What was just done is said once: the address forgets it. It comes into its place anew, as only what changes there
       is read out to who cannot see it. */
    function say() {
        const place = document.getElementById("said");
        const said = place?.textContent;
        if (!said) return;
        const address = new URL(window.location.href);
        ["moved", "noted", "withdrawn"].forEach((name) => address.searchParams.delete(name));
        window.history.replaceState({}, "", address);
        shown = here();
        place.textContent = "";
        window.setTimeout(() => (place.textContent = said), SAID_AFTER);
    }

    async function offerNewRelease() {
        const offer = document.getElementById("offer");
        const answer = await fetch(offer.dataset.asks);
        if (answer.ok) offer.innerHTML = await answer.text();
    }

    /* The numbers of a chart come when they are asked for. */
    async function toggleTable(link) {
        const table = document.getElementById(link.getAttribute("aria-controls"));
        if (!table.firstChild) {
            const answer = await fetch(link.href);
            if (answer.ok) table.innerHTML = await answer.text();
            else table.textContent = "The table could not be fetched. Reload the page and try again.";
        }
        table.hidden = !table.hidden;
        link.setAttribute("aria-expanded", String(!table.hidden));
        link.textContent = table.hidden ? "View as table" : "Hide the table";
    }

    /* What made each yes of a patient comes when the first is folded out, for all of them: it takes the server longer
       than the page. Where it cannot be fetched, or is of another release, the link to it stays. */
    async function fetchReasons(asked) {
        const links = [...document.querySelectorAll(".reasons-at > a")];
        links.forEach((link) => (link.parentElement.ariaBusy = "true"));
        const page = await fetched(asked.href).catch(() => null);
        const release = (of) => of.getElementById("offer").dataset.asks;
        links.forEach((link) => {
            const place = link.parentElement;
            const said = page && release(page) === release(document) && page.getElementById(link.hash.slice(1));
            if (said) place.replaceChildren(said);
            place.ariaBusy = null;
        });
    }

    const actions = { table: toggleTable };

    document.addEventListener("change", (event) => {
        if (event.target.matches(".filters select")) choose(event.target);
    });

    document.addEventListener("click", follow);

    document.addEventListener("click", (event) => {
        const control = event.target.closest("[data-action]");
        if (control) {
            event.preventDefault();
            actions[control.dataset.action]?.(control); // pictures.js does the others
        }
        const here = event.target.closest(".card-menu");
        document.querySelectorAll(".card-menu[open]").forEach((menu) => {
            if (menu !== here || control) menu.open = false;
        });
    });

    /* The event does not bubble. */
    document.addEventListener("toggle", (event) => {
        const asked = event.target.open && event.target.querySelector(":scope > .reasons-at:not([aria-busy]) > a");
        if (asked) fetchReasons(asked);
    }, true);

    document.addEventListener("keydown", (event) => {
        const menu = event.key === "Escape" && event.target.closest && event.target.closest(".card-menu[open]");
        if (menu) {
            menu.open = false;
            menu.querySelector("summary").focus();
        }
    });

    /* Back and forward; not to another place of the same page. */
    window.addEventListener("popstate", () => {
        if (here() !== shown) show();
    });

    say();
    document.addEventListener("shown", say);

    window.setInterval(offerNewRelease, LOOKS_FOR_A_NEW_RELEASE_EVERY);
})();
