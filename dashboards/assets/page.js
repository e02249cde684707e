/* What pages do in the browser beside showing what they are sent. The address is the only state. */

(function () {
    "use strict";

    const address = () => new URLSearchParams(window.location.search);

    /* Go to an address without loading the page anew: dcc.Location listens to this event. */
    function go(href) {
        window.history.pushState({}, "", href);
        window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    }

    /* A select was changed: its value becomes part of the address. */
    function choose(select) {
        const query = address();
        if (select.dataset.clears && select.value) query.delete(select.dataset.clears);
        if (select.value) query.set(select.name, select.value);
        else query.delete(select.name);
        const said = query.toString().replace(/%3A/g, ":");
        go(window.location.pathname + (said ? "?" + said : ""));
    }

    /* Selects show what the address says; the first option stands for what it does not say. */
    function showChoices() {
        const query = address();
        document.querySelectorAll(".filters select").forEach((select) => {
            select.value = query.get(select.name) ?? select.options[0].value;
        });
    }

    /* Tables come as text: see `_numbers` in pages/frame.py. */
    function showTables() {
        document.querySelectorAll("[data-html]").forEach((place) => {
            if (place.shown === place.dataset.html) return;
            place.shown = place.dataset.html;
            place.innerHTML = place.shown;
        });
    }

    /* A link in a table leads to a page as those of the navigation do, unless it is to be opened elsewhere. */
    function follow(event) {
        const link = event.target.closest(".table a[href^='/']");
        if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        go(link.getAttribute("href"));
    }

    /* The numbers of a chart come when they are asked for. */
    async function toggleTable(button) {
        const table = document.getElementById(button.getAttribute("aria-controls"));
        if (!table.firstChild) {
            const answer = await fetch(table.dataset.table);
            if (answer.ok) table.innerHTML = await answer.text();
            else table.textContent = "The table could not be fetched. Reload the page and try again.";
        }
        table.hidden = !table.hidden;
        button.setAttribute("aria-expanded", String(!table.hidden));
        button.textContent = table.hidden ? "View as table" : "Hide the table";
    }

    /* The style sheet colours a chart's texts on the page; in a file they need a ground and colours of their own. */
    function savePicture(button) {
        const card = button.closest(".card");
        const graph = card.querySelector(".js-plotly-plot");
        const title = card.querySelector("h2").textContent;
        const layout = Object.assign({}, graph.layout, {
            paper_bgcolor: "#ffffff",
            plot_bgcolor: "#ffffff",
            title: { text: title, x: 0, xanchor: "left", xref: "container", font: { size: 16 } },
            margin: Object.assign({}, graph.layout.margin, { t: graph.layout.margin.t + 40 }),
        });
        const size = { width: graph.clientWidth, height: graph.clientHeight + 40 };
        window.Plotly.downloadImage(
            { data: graph.data, layout: layout },
            Object.assign({ format: "png", scale: 2, filename: button.dataset.name }, size)
        );
    }

    const actions = { table: toggleTable, png: savePicture };

    document.addEventListener("change", (event) => {
        if (event.target.matches(".filters select")) choose(event.target);
    });

    document.addEventListener("click", follow);

    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-action]");
        if (button && actions[button.dataset.action]) actions[button.dataset.action](button);
        const here = event.target.closest(".card-menu");
        document.querySelectorAll(".card-menu[open]").forEach((menu) => {
            if (menu !== here || button) menu.open = false;
        });
    });

    document.addEventListener("submit", (event) => {
        if (event.target.matches(".filters")) event.preventDefault();
    });

    document.addEventListener("keydown", (event) => {
        const menu = event.key === "Escape" && event.target.closest && event.target.closest(".card-menu[open]");
        if (menu) {
            menu.open = false;
            menu.querySelector("summary").focus();
        }
    });

    /* A new page has come: name it, show its filters, close what was open, and begin at its top or at its anchor. */
    let shown = null;
    function settle(title) {
        document.title = title;
        const path = window.location.pathname;
        window.setTimeout(() => {
            showTables();
            showChoices();
            const anchor = window.location.hash && document.getElementById(window.location.hash.slice(1));
            if (anchor) anchor.scrollIntoView();
            else if (shown !== null && shown !== path) {
                window.scrollTo(0, 0);
                document.querySelector("h1")?.focus({ preventScroll: true });
            }
            document.querySelectorAll("details[open]").forEach((open) => {
                if (shown !== path) open.open = false;
            });
            shown = path;
            window.performance.mark("settled");
        }, 0);
        return window.dash_clientside.no_update;
    }

    window.dash_clientside = Object.assign({}, window.dash_clientside, { page: { settle: settle } });
})();
