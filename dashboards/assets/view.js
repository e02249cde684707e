/* Charts in view are drawn at once, the others one by one while the browser is idle: a page has up to twenty.
   This file comes after Plotly's in the order of names, as scripts are loaded. */

(function () {
    "use strict";

    const plotly = window.Plotly;
    const waiting = new Map();
    const whenIdle = window.requestIdleCallback ?? ((act) => window.setTimeout(act, 50));
    let isPlanned = false;

    function draw(chart) {
        const act = waiting.get(chart);
        waiting.delete(chart);
        seen.unobserve(chart);
        if (act && chart.isConnected) act();
    }

    function drawNext() {
        isPlanned = false;
        const next = waiting.keys().next();
        if (next.done) return;
        draw(next.value);
        plan();
    }

    function plan() {
        if (isPlanned || !waiting.size) return;
        isPlanned = true;
        whenIdle(drawNext);
    }

    /* Told once of each chart after it is laid out, then whenever it comes into view. */
    const seen = new IntersectionObserver((entries) => {
        entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target));
        plan();
    });

    /* What the graphs of a page call; a chart that is there already is drawn anew at once. */
    function react(chart, ...figure) {
        if (chart.querySelector(".main-svg")) return plotly.react(chart, ...figure);
        return new Promise((resolve, reject) => {
            waiting.set(chart, () => plotly.react(chart, ...figure).then(resolve, reject));
            seen.observe(chart);
        });
    }

    window.Plotly = Object.create(plotly, { react: { value: react } });
    window.addEventListener("beforeprint", () => [...waiting.keys()].forEach(draw));
})();
