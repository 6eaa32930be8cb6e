// The page's frame while its code or its data is on the way: the same boxes, so that nothing moves when they fill.
export function RecordingSkeleton() {
  return (
    <div class="rec-page" aria-busy="true">
      <div class="rec-head">
        <span class="skeleton" style={{ width: "280px", height: "22px" }} />
      </div>
      <div class="rec-main">
        <section class="player">
          <div class="player-bar" />
          <div class="stage">
            <div class="stage-screen" />
          </div>
          <div class="scrub-area" />
          <div class="transport" />
        </section>
        <aside class="side" />
      </div>
    </div>
  );
}
