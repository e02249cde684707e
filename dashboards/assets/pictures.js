/* Saves a chart as a picture. On the page the words around a chart are of the page; a file has none of it, so the picture
   is given what it shows, of which site and release, the names and values of its rows, and the numbers below its axis. */

(function () {
    "use strict";

    const AIR = 8; // pixels around texts
    const TITLE = { size: 16, line: 22 };
    const TEXT = { size: 12, line: 16 };
    const WIDEST_NAME = 320;
    const ruler = document.createElement("canvas").getContext("2d");

    function widthOf(text, font) {
        ruler.font = `${font.size}px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif`;
        return ruler.measureText(text).width;
    }

    /* A text in lines no wider than so many pixels. */
    function inLines(text, width, font) {
        const lines = [];
        for (const word of text.trim().split(/[ \n]+/)) {
            const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
            if (lines.length && widthOf(longer, font) <= width) lines[lines.length - 1] = longer;
            else lines.push(word);
        }
        return lines;
    }

    /* Lines at a place of the plot, in parts of its width and height, moved by pixels. */
    function note(lines, x, y, font, parts) {
        const text = lines.map((line) => line.replace(/&/g, "&amp;").replace(/</g, "&lt;")).join("<br>");
        return { text, x, y, xref: "paper", yref: "paper", showarrow: false, align: "left", font: { size: font.size }, ...parts };
    }

    /* Names at the left and values at the right of rows; what there is none of takes no room. */
    function besideRows(card, margin) {
        const rows = [...card.querySelectorAll(".rows li")].map((row) => [...row.children].map((one) => one.textContent));
        const widest = (column) => Math.max(0, ...rows.map((row) => Math.ceil(widthOf(row[column], TEXT))));
        const names = rows.length ? Math.min(widest(0), WIDEST_NAME) + 2 * AIR : 0;
        const values = widest(1) ? widest(1) + 2 * AIR : 0;
        const [left, right] = ["left", "right"].map((xanchor) => ({ xanchor, yanchor: "middle" }));
        const notes = rows.flatMap(([name, value], place) => {
            const y = 1 - (place + 0.5) / rows.length;
            return [
                note(inLines(name, WIDEST_NAME, TEXT), 0, y, TEXT, { ...left, xshift: AIR - margin.l - names }),
                note([value], 1, y, TEXT, { ...right, xshift: margin.r + values - AIR }),
            ];
        });
        return { names, values, notes: notes.filter(({ text }) => text) };
    }

    /* Rows of numbers below the axis, each with its title above it. */
    function belowAxis(card, margin) {
        const rows = [...card.querySelectorAll(".below")];
        const notes = rows.flatMap((row, place) => {
            const at = (line) => ({ yanchor: "top", yshift: -margin.b - (2 * place + line) * TEXT.line });
            return [
                note([row.querySelector("p").textContent], 0, 0, TEXT, { xanchor: "left", ...at(0) }),
                ...[...row.querySelectorAll("span")].map((one) =>
                    note([one.textContent], parseFloat(one.style.left) / 100, 0, TEXT, { xanchor: "center", ...at(1) })),
            ];
        });
        return { height: rows.length ? 2 * rows.length * TEXT.line + AIR : 0, notes };
    }

    function picture(card) {
        const graph = card.querySelector(".js-plotly-plot");
        const { margin } = graph.layout;
        const beside = besideRows(card, margin);
        const below = belowAxis(card, margin);
        const width = graph.clientWidth + beside.names + beside.values;

        const said = `${document.querySelector("h1").textContent}: ${card.querySelector("h2").textContent}`;
        const title = inLines(said, width - 2 * AIR, TITLE);
        const status = document.querySelector(".status").textContent.split(" · ").slice(0, 3).join(" · ");
        const about = inLines(status, width - 2 * AIR, TEXT);
        const head = 2 * AIR + title.length * TITLE.line + about.length * TEXT.line;

        const top = (down) => ({
            xanchor: "left", xshift: AIR - margin.l - beside.names,
            yanchor: "top", yshift: margin.t + head - AIR - down,
        });
        const layout = {
            ...graph.layout,
            // The style sheet colours a chart's texts on the page; in a file they need a ground of their own.
            paper_bgcolor: "#ffffff",
            plot_bgcolor: "#ffffff",
            annotations: [
                ...(graph.layout.annotations ?? []),
                note(title, 0, 1, TITLE, top(0)),
                note(about, 0, 1, TEXT, top(title.length * TITLE.line)),
                ...beside.notes,
                ...below.notes,
            ],
            margin: {
                ...margin,
                t: margin.t + head,
                l: margin.l + beside.names,
                r: margin.r + beside.values,
                b: margin.b + below.height,
            },
        };
        return { data: graph.data, layout, width, height: graph.clientHeight + head + below.height };
    }

    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-action=png]");
        if (!button) return;
        const { data, layout, width, height } = picture(button.closest(".card"));
        const file = { format: "png", scale: 2, filename: button.dataset.name, width, height };
        window.Plotly.downloadImage({ data, layout }, file);
    });
})();
