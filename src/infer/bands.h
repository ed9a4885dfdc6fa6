// Bands: neighbouring steps that run a few rows at a time, one after another, so that what one
// writes is still in the second-level cache when the next one reads it. A large map between two
// such steps never exists as a whole: a strip of its rows is all the memory it takes.
//
//   expand 112x112x96, 4.8 MB -> depthwise, stride 2 -> project
//   becomes, for every four rows of the project's result: nine rows, four rows, four rows
//
// A strip keeps the rows that two bands share (two for 3x3), moved to its front, and no row is
// computed twice. With several threads the last map is cut into as many sections, each with strips
// of its own; only where two sections meet are rows computed by both. Every row is made of the same
// sums as in the whole map (Prepared::rows), so results are the same bits, with bands or without,
// for any number of threads.
#ifndef LINNET_INFER_BANDS_H_
#define LINNET_INFER_BANDS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "infer/channel_views.h"
#include "ops/op_def.h"

namespace linnet {

// Rows [first, last) of a node's result.
struct Turn {
  Value node = -1;
  int64_t first = 0, last = 0;
  // Which rows of the maps the strips hold from here on: the row of the map that is the strip's
  // first. 0 for whole maps.
  int64_t in_origin = 0, out_origin = 0;
  // Rows that the result's strip keeps: 'keep' of them, from its row 'keep_from' on, go to its
  // front before the turn.
  int64_t keep_from = 0, keep = 0;
};

// Nodes [first, last], all results but the last one's in strips.
struct BandGroup {
  Value first = -1, last = -1;
  std::vector<int64_t> strip_rows;          // of each node but the last, rows of a section's strip
  std::vector<std::vector<Turn>> sections;  // in the order in which they run
};

// Groups where maps are too large for the cache, in the order of the graph. 'shapes', 'prepared'
// and 'places' by value; 'sections': into how many parts a group is cut.
std::vector<BandGroup> PlanBands(const Graph& graph, const std::vector<Shape>& shapes,
                                 const std::vector<const Prepared*>& prepared,
                                 const std::vector<ChannelPlace>& places, int sections);

}  // namespace linnet

#endif  // LINNET_INFER_BANDS_H_
