// Two films in step: the one under the hand leads, the other shows the same place at the same scale. A place is told
// by its distance from the chest wall's edge and from the top, in millimetres where both spacings are known, else in
// heights of the film. Films whose chest walls lie on opposite sides so move as mirror images of each other.
"use strict";

// Millimetres, or heights, a film pixel.
function unitOf(film, other) {
  return film.spacing && other.spacing ? film.spacing : 1 / film.rows;
}

mammomap.follow = (leader, follower) => {
  const from = leader.film, to = follower.film;
  if (!from || !to || !follower.viewer.world.getItemCount() || !leader.viewer.world.getItemCount()) return;
  const { viewport } = leader.viewer;
  const centre = viewport.getCenter(true), theirs = follower.viewer.viewport;
  const unit = unitOf(from, to), theirUnit = unitOf(to, from);
  const x = centre.x * from.cols, y = centre.y * from.cols;
  const away = ((leader.chest === "left" ? x : from.cols - x) * unit) / theirUnit;
  const column = follower.chest === "left" ? away : to.cols - away;
  theirs.panTo(new OpenSeadragon.Point(column / to.cols, (y * unit) / theirUnit / to.cols), true);
  const scale = (viewport.getZoom(true) * viewport.getContainerSize().x) / from.cols;
  theirs.zoomTo((((scale * theirUnit) / unit) * to.cols) / theirs.getContainerSize().x, null, true);
};
