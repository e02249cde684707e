/* Tables whose rows stand in groups can be searched, and a row pinned without loading the page anew. */

(function () {
    "use strict";

    /* Only rows with what is typed are shown, and groups that have any; beside the field how many are left. */
    function search(field) {
        const sought = field.value.trim().toLowerCase();
        const card = field.closest(".card");
        const rows = [...card.querySelectorAll("tr[data-key]")];
        rows.forEach((row) => (row.hidden = !row.cells[0].textContent.toLowerCase().includes(sought)));
        card.querySelectorAll(".grouped tbody").forEach((group) => {
            group.hidden = [...group.querySelectorAll("tr[data-key]")].every((row) => row.hidden);
        });
        const left = rows.filter((row) => !row.hidden).length;
        const said = left ? `${left} of ${rows.length} rows` : "Nothing found";
        card.querySelector(".search output").textContent = sought ? said : "";
    }

    /* The server moves the row: of the page that it answers with the card takes the place of the shown one. */
    async function pin(form, pressed) {
        const card = form.closest(".card");
        const body = new URLSearchParams([[pressed.name, pressed.value]]);
        const answer = await fetch(form.action, { method: "POST", body });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const moved = answer.ok && page.getElementById(card.id);
        if (!moved) {
            document.getElementById("said").textContent = "Nothing could be pinned. Reload the page and try again.";
            return;
        }
        const sought = card.querySelector(".search input").value;
        card.replaceWith(moved);
        begin();
        const field = moved.querySelector(".search input");
        field.value = sought;
        search(field);
        moved.querySelector(`.pin[value="${CSS.escape(pressed.value)}"]`).focus();
    }

    function begin() {
        document.querySelectorAll(".search").forEach((field) => (field.hidden = false));
    }

    document.addEventListener("input", (event) => {
        if (event.target.matches(".search input")) search(event.target);
    });

    document.addEventListener("submit", (event) => {
        if (!event.target.matches(".pins")) return;
        event.preventDefault();
        pin(event.target, event.submitter);
    });

    begin();
    document.addEventListener("shown", begin); // page.js says so of another page
})();
