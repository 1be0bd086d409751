// Streamlit's messages to and from a component, as its protocol of version 1 has them.

function send(type, values) {
  window.parent.postMessage({ isStreamlitMessage: true, type, ...values }, "*");
}

/** Calls `draw(args, theme)` whenever the page is run, from now on. */
export function onRender(draw) {
  window.addEventListener("message", (event) => {
    if (event.source === window.parent && event.data?.type === "streamlit:render") {
      draw(event.data.args, event.data.theme);
    }
  });
  send("streamlit:componentReady", { apiVersion: 1 });
}

/** Makes the frame as high as this, in pixels. */
export function setHeight(height) {
  send("streamlit:setFrameHeight", { height: Math.ceil(height) });
}
