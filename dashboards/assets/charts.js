/* Draws the figures that a page holds as JSON: those in view at once, the others one by one while the browser is idle,
   as a page has up to twenty. No mode bar and no zoom, and nothing that could leave the host. */

(function () {
    "use strict";

    const config = {
        displayModeBar: false,
        displaylogo: false,
        doubleClick: false,
        plotlyServerURL: "",
        responsive: true,
        scrollZoom: false,
        showSendToCloud: false,
    };
    const waiting = new Set();
    let drawn = [];
    const whenIdle = window.requestIdleCallback ?? ((act) => window.setTimeout(act, 50));
    let isPlanned = false;

    /* Years of months are too many for a narrow screen: there a figure may have a layout for the latest of them. */
    const narrow = window.matchMedia("screen and (max-width: 700px)");
    const layouts = new WeakMap();

    function layoutOf(graph, isNarrow) {
        const layout = layouts.get(graph);
        return { ...layout, ...(isNarrow && layout.meta?.narrow) };
    }

    function change(graph, isNarrow) {
        if (layouts.get(graph).meta) window.Plotly.react(graph, graph.data, layoutOf(graph, isNarrow), config);
    }

    narrow.addEventListener("change", () => drawn.forEach((graph) => change(graph, narrow.matches)));

    function draw(graph) {
        if (!waiting.delete(graph)) return;
        seen.unobserve(graph);
        const figure = JSON.parse(graph.querySelector("script").textContent);
        layouts.set(graph, figure.layout);
        window.Plotly.newPlot(graph, figure.data, layoutOf(graph, narrow.matches), config);
        graph.on("plotly_click", () => keep(graph));
        if (pointsOf(graph).length) takeKeys(graph);
        drawn.push(graph);
    }

    /* What is known of a point stays below the chart once it is clicked, also where nothing can hover. */
    function keep(graph) {
        const lines = [...graph.querySelectorAll(".hoverlayer .hovertext text")].map((text) =>
            [...text.querySelectorAll("tspan")].map((line) => line.textContent).join("; ") || text.textContent
        );
        picked(graph).textContent = lines.filter(Boolean).join(" · ");
    }

    /* Where that is said. It is there before anything is, or screen readers would not announce it. */
    function picked(graph) {
        const chart = graph.parentElement;
        let found = chart.nextElementSibling;
        if (!found?.matches(".picked")) {
            found = document.createElement("p");
            found.className = "picked";
            found.role = "status";
            chart.after(found);
        }
        return found;
    }

    /* Points that say something, in reading order: panel by panel, from left to right, of rows from the top. */
    function pointsOf(graph) {
        const isOfRows = graph.parentElement.matches(".rows-plot");
        const axisOf = (id) => graph._fullLayout[`${id[0]}axis${id.slice(1)}`];

        function pointsOfTrace(trace, curveNumber) {
            const xaxis = axisOf(trace.xaxis ?? "x");
            const yaxis = axisOf(trace.yaxis ?? "y");
            return trace.x.map((x, pointNumber) => {
                const place = [xaxis.d2p(x), yaxis.d2p(trace.y[pointNumber])];
                const isShown = place[0] >= -1 && place[0] <= xaxis._length + 1;
                const order = [yaxis._offset, xaxis._offset, ...(isOfRows ? place.reverse() : place)];
                return { curveNumber, pointNumber, panel: xaxis._id + yaxis._id, order, isShown };
            });
        }

        return graph.data
            .flatMap((trace, number) => (trace.hovertemplate ? pointsOfTrace(trace, number) : []))
            .filter(({ order, isShown }) => isShown && order.every(Number.isFinite))
            .sort((one, other) => one.order.reduce((found, at, rank) => found || at - other.order[rank], 0));
    }

    /* By keyboard: arrows, Home and End go from point to point, Escape ends it. */
    const HOVER_SETTLES_AFTER = 60; // milliseconds; Plotly puts off a hover that follows another more closely

    function takeKeys(graph) {
        const chart = graph.parentElement;
        const nothing = -1;
        let at = nothing;
        let settling;

        function leave() {
            window.clearTimeout(settling);
            window.Plotly.Fx.unhover(graph);
        }

        function go(key) {
            const points = pointsOf(graph);
            const last = points.length - 1;
            const places = { ArrowLeft: Math.max(at - 1, 0), ArrowRight: Math.min(at + 1, last), Home: 0, End: last };
            at = places[key];
            window.Plotly.Fx.hover(graph, [points[at]], points[at].panel);
            window.clearTimeout(settling);
            settling = window.setTimeout(() => {
                keep(graph);
                graph.querySelector(".hovertext")?.scrollIntoView({ block: "nearest", inline: "nearest" });
            }, HOVER_SETTLES_AFTER);
        }

        // Screen readers leave the keys to an application only.
        chart.role = "application";
        chart.ariaRoleDescription = "chart";
        chart.ariaKeyShortcuts = "ArrowLeft ArrowRight Home End Escape";
        chart.tabIndex = 0;
        chart.addEventListener("focus", () => picked(graph));
        chart.addEventListener("blur", leave);
        chart.addEventListener("keydown", (event) => {
            if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
            if (event.key === "Escape") {
                at = nothing;
                leave();
                picked(graph).textContent = "";
            } else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
                event.preventDefault();
                go(event.key);
            }
        });
    }

    function drawNext() {
        isPlanned = false;
        for (const graph of waiting) {
            draw(graph);
            return plan();
        }
    }

    function plan() {
        if (isPlanned || !waiting.size) return;
        isPlanned = true;
        whenIdle(drawNext);
    }

    /* Told once of each graph after it is laid out, then whenever it comes into view. */
    const seen = new IntersectionObserver((entries) => {
        entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target));
        plan();
    });

    function begin() {
        drawn.forEach(window.Plotly.purge);
        drawn = [];
        seen.disconnect();
        waiting.clear();
        document.querySelectorAll(".graph").forEach((graph) => {
            waiting.add(graph);
            seen.observe(graph);
        });
    }

    begin();
    document.addEventListener("shown", begin); // page.js says so of another page

    /* Paper has another width than the screen. Browsers tell of it before they lay the page out for it, so the rules
       for print hold on the screen meanwhile; then every chart is drawn as wide as its place is. */
    const paper = window.matchMedia("print");
    const rulesOfPrint = [...document.styleSheets]
        .flatMap((sheet) => [...sheet.cssRules])
        .filter((rule) => rule instanceof CSSMediaRule && rule.media.mediaText === "print");

    function lay(media) {
        rulesOfPrint.forEach((rule) => { rule.media.mediaText = media; });
        waiting.forEach(draw);
        document.querySelectorAll(".graph").forEach((graph) => {
            change(graph, false);
            window.Plotly.relayout(graph, { width: graph.clientWidth, height: graph.clientHeight });
        });
    }

    function layForScreen() {
        lay("print");
        document.querySelectorAll(".graph").forEach((graph) => {
            change(graph, narrow.matches);
            window.Plotly.relayout(graph, { width: null, height: null, autosize: true });
        });
    }

    window.addEventListener("beforeprint", () => lay("all"));
    window.addEventListener("afterprint", layForScreen);
    paper.addEventListener("change", () => (paper.matches ? lay("all") : layForScreen()));
})();
