/* Tables whose rows stand in groups can be searched, and rows pinned. */

(function () {
    "use strict";

    const PINNED = "pinned";

    /* Only rows with what is typed are shown, and groups that have any. */
    function search(field) {
        if (!field) return;
        const sought = field.value.trim().toLowerCase();
        const table = field.closest(".card").querySelector(".grouped");
        table.querySelectorAll("tbody").forEach((group) => {
            const rows = [...group.querySelectorAll("tr[data-key]")];
            rows.forEach((row) => (row.hidden = !row.cells[0].textContent.toLowerCase().includes(sought)));
            group.hidden = rows.every((row) => row.hidden);
        });
    }

    function remembered() {
        try {
            return JSON.parse(window.localStorage.getItem(PINNED)) ?? [];
        } catch {
            return [];
        }
    }

    /* Pinned rows stand first, in a group of their own; this browser remembers which. */
    function offerPins(table) {
        const pinned = new Set(remembered());
        const places = new Map([...table.querySelectorAll("tr[data-key]")].map((row) => [row, row.parentElement]));
        const order = [...places.keys()];
        const first = table.createTBody();
        first.innerHTML = '<tr class="group"><th scope="rowgroup">Pinned</th></tr>';
        first.rows[0].cells[0].colSpan = table.tHead.rows[0].cells.length;
        table.tHead.after(first);

        function settle() {
            order.forEach((row) => {
                const isPinned = pinned.has(row.dataset.key);
                (isPinned ? first : places.get(row)).append(row);
                row.querySelector(".pin").setAttribute("aria-pressed", String(isPinned));
            });
            search(table.closest(".card").querySelector(".search input"));
        }

        order.forEach((row) => {
            const pin = document.createElement("button");
            pin.type = "button";
            pin.className = "pin";
            pin.innerHTML = '<span aria-hidden="true">⚑</span>';
            pin.setAttribute("aria-label", "Pin");
            pin.addEventListener("click", () => {
                if (!pinned.delete(row.dataset.key)) pinned.add(row.dataset.key);
                window.localStorage.setItem(PINNED, JSON.stringify([...pinned]));
                settle();
                pin.focus();
            });
            row.cells[0].prepend(pin);
        });
        settle();
    }

    function begin() {
        document.querySelectorAll(".search").forEach((field) => (field.hidden = false));
        document.querySelectorAll(".grouped").forEach(offerPins);
    }

    document.addEventListener("input", (event) => {
        if (event.target.matches(".search input")) search(event.target);
    });

    begin();
    document.addEventListener("shown", begin); // page.js says so of another page
})();
