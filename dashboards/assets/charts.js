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

    function draw(graph) {
        if (!waiting.delete(graph)) return;
        seen.unobserve(graph);
        const figure = JSON.parse(graph.querySelector("script").textContent);
        window.Plotly.newPlot(graph, figure.data, figure.layout, config);
        graph.on("plotly_click", () => keep(graph));
        drawn.push(graph);
    }

    /* What is known of a point stays below the chart once it is clicked, also where nothing can hover. */
    function keep(graph) {
        const chart = graph.closest("[role=img]");
        const lines = [...graph.querySelectorAll(".hoverlayer .hovertext text")].map((text) =>
            [...text.querySelectorAll("tspan")].map((line) => line.textContent).join("; ") || text.textContent
        );
        let kept = chart.nextElementSibling;
        if (!kept?.matches(".picked")) {
            kept = document.createElement("p");
            kept.className = "picked";
            kept.setAttribute("role", "status");
            chart.after(kept);
        }
        kept.textContent = lines.filter(Boolean).join(" · ");
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
            window.Plotly.relayout(graph, { width: graph.clientWidth, height: graph.clientHeight });
        });
    }

    function layForScreen() {
        lay("print");
        document.querySelectorAll(".graph").forEach((graph) => {
            window.Plotly.relayout(graph, { width: null, height: null, autosize: true });
        });
    }

    window.addEventListener("beforeprint", () => lay("all"));
    window.addEventListener("afterprint", layForScreen);
    paper.addEventListener("change", () => (paper.matches ? lay("all") : layForScreen()));
})();
